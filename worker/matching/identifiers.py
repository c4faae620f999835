"""Read identifiers of companies: tax IDs, domains, e-mail addresses and phone numbers, however they are written."""

import re

TAX_ID_CHARACTERS_MIN = 6
PHONE_DIGITS_MIN = 7
PHONE_DIGITS = 9  # compared from the end: country codes and leading zeros are often left out

# Domains that say nothing about a company: anyone has an address there.
_FREE_MAIL = """
126.com 163.com 189.cn aim.com alice.it aol.com arcor.de att.net bellsouth.net bigpond.com blueyonder.co.uk
bluewin.ch btinternet.com charter.net comcast.net cox.net daum.net earthlink.net email.com example.com example.org
fastmail.com free.fr freenet.de frontier.com gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com
hanmail.net hey.com hotmail.ca hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it hushmail.com
icloud.com inbox.com juno.com laposte.net libero.it live.ca live.co.uk live.com live.nl mac.com mail.com mail.ru
me.com msn.com naver.com netzero.net ntlworld.com o2.pl online.de optonline.net optusnet.com.au orange.fr
outlook.com outlook.de outlook.fr pm.me prodigy.net proton.me protonmail.com qq.com rediffmail.com roadrunner.com
rocketmail.com rogers.com sbcglobal.net seznam.cz sfr.fr shaw.ca sina.com sky.com sympatico.ca t-online.de
talktalk.net telus.net terra.com.br tiscali.it tuta.com tutanota.com uol.com.br verizon.net virginmedia.com
wanadoo.fr web.de windstream.net wp.pl yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.au
yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru ymail.com zoho.com
"""
FREE_MAIL = frozenset(_FREE_MAIL.split())
# Sites with pages of many companies. E-mail addresses there are those of the sites' own companies.
_PLATFORMS = """
about.me amazon.com bit.ly blogspot.com business.site carrd.co ebay.com etsy.com facebook.com fb.com fb.me github.com
google.com instagram.com linkedin.com linktr.ee medium.com notion.site pinterest.com sites.google.com
squarespace.com substack.com t.me tiktok.com twitter.com vimeo.com weebly.com wix.com wixsite.com wordpress.com x.com
xing.com yelp.com youtube.com
"""
PLATFORMS = frozenset(_PLATFORMS.split())
_ADDRESS = re.compile(r"[^\s@,;<>]+@([^\s@,;<>]+\.[^\s@,;<>]+)")
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(?:[^/@\s]*@)?([^/:?#\s@]+\.[^/:?#\s@]+)")
_LOCALE = re.compile(r"^(?:m|[a-z]{2}(?:-[a-z]{2})?)\.")  # as in m.facebook.com and de.linkedin.com
_EXTENSION = re.compile(r"(?:ext|x|#|;)\.?\s*\d+\s*$")
_HIDDEN = re.compile(r"[x*•]{3,}")


def tax_id(text: str | None) -> str:
    """Return a tax ID's letters and digits; an empty text for none, for a filler, and for one that is partly hidden.

    QuickBooks returns tax IDs as `XXXXX6789`.
    """
    folded = (text or "").casefold()
    found = "".join(character for character in folded if character.isalnum())
    digits = {character for character in found if character.isdigit()}
    if _HIDDEN.search(folded) or len(found) < TAX_ID_CHARACTERS_MIN or len(digits) <= 1:
        return ""
    return found


def phone(text: str | None) -> str:
    """Return the last digits of a phone number, without an extension; an empty text for none and for fillers."""
    digits = "".join(filter(str.isdecimal, _EXTENSION.sub("", (text or "").casefold())))
    if len(digits) < PHONE_DIGITS_MIN or len(set(digits)) == 1:
        return ""
    return digits[-PHONE_DIGITS:]


def emails(text: str | None) -> frozenset[str]:
    """Return the addresses in a text; QuickBooks' field has several, separated by commas."""
    return frozenset(found[0] for found in _ADDRESS.finditer((text or "").casefold()))


def domains(email: str | None, website: str | None) -> frozenset[str]:
    """Return the domains of e-mail addresses and of a website, except those where anyone has an address or a page."""
    mail = {_bare(address.partition("@")[2]) for address in emails(email)}
    host = _HOST.match((website or "").strip().casefold())
    site = _bare(host[1]) if host else ""
    found = mail if _LOCALE.sub("", site) in PLATFORMS else mail | {site}
    return frozenset(found - FREE_MAIL - {""})


def _bare(domain: str) -> str:
    return domain.strip(".").removeprefix("www.")
