"""Words that people write in full and abbreviated."""

FULL: dict[str, str] = {
    "1st": "first",
    "2nd": "second",
    "3rd": "third",
    "assn": "association",
    "assoc": "associates",
    "bros": "brothers",
    "co": "company",
    "centre": "center",
    "corp": "corporation",
    "cos": "companies",
    "ctr": "center",
    "ft": "fort",
    "govt": "government",
    "grp": "group",
    "hldg": "holding",
    "hldgs": "holdings",
    "inc": "incorporated",
    "inds": "industries",
    "intl": "international",
    "labs": "laboratories",
    "ltd": "limited",
    "mfg": "manufacturing",
    "mgmt": "management",
    "mgt": "management",
    "mktg": "marketing",
    "mt": "mount",
    "natl": "national",
    "organisation": "organization",
    "pvt": "private",
    "st": "saint",
    "svc": "service",
    "svcs": "services",
    "theatre": "theater",
    "univ": "university",
}

# How much a word tells companies apart, from 0 to 1: one less the logarithm of the number of companies that have it, to
# the base of the number of all companies. Counted in the names of 9,540 public companies; the words of trades and places
# that those rarely have are set beside words as frequent. A word that is not here tells everything.
_TELLING: dict[float, str] = {
    0.2: "company companies corporation incorporated limited of in de a for",
    0.3: "fund group holding holdings",
    0.4: """acquisition bancorp energy enterprise enterprises financial global income international service services
        technologies technology therapeutics trust""",
    0.5: """america american associates association bank brands capital com consultants consulting construction first
        foundation gold health healthcare ii iii industrial industries insurance investment investments management
        medical municipal national new partners pharma pharmaceutical pharmaceuticals properties resource resources
        solution solutions system systems tech usa us""",
    0.6: """agency asset automotive bancshares bankshares bio biopharma bioscience biosciences biotech brothers business
        canada center china city clinic club community contractors data dental design digital education electric
        engineering entertainment equity estate europe finance food foods general green growth high home homes hotel
        hotels infrastructure iv laboratories labs landscaping law life logistics manufacturing marketing media metals
        minerals mining north northern of office oil opportunities opportunity pacific plumbing power practice products
        quality real realty restaurant retail roofing sales school science sciences security silver software sons south
        southern star store strategic studio studios supply team trading transport travel uk united university western
        west east eastern works world worldwide""",
    0.7: """advanced air alpha applied architects auto blue biotechnology biotherapeutics cafe california cap care central
        children christian church classic clean cleaning coast commerce communication communications computer core county
        creative custom dairy development diagnostics direct distribution distributors diversified dynamic eagle
        electrical electronics elite emerging environmental equipment events exploration express farm farms federal
        fitness florida foundry freight garden gas gourmet grand graphics great heating hospital hospitality house
        innovation innovations innovative integrated intelligent interactive interiors investors kitchen lab lake land
        legal lending liberty lighting living machine main managed maritime market markets marine materials mechanical
        metal midwest mobile modern mortgage motor motors mountain natural network networks oak oncology optical organic
        outdoor painting park petroleum pizza plastics plus point port premier premium print printing pro production
        productions professional program project property public pump rail realestate recycling red regional rental
        rentals repair research resorts river robotics royal safety salon scientific select senior shop smart snacks
        solar special specialty spa sports state states steel storage street summit sun supplies surgical sustainable
        tax taxi team texas therapy tool tools total town toys training transportation trucking union universal urban
        utilities valley value venture ventures vet video village vision warehouse waste water wealth web wellness
        wholesale wine wireless wood york young yoga""",
}
_WEIGHTS = {word: weight for weight, words in _TELLING.items() for word in words.split()}


def weight(word: str) -> float:
    """Return how much a word tells companies apart, from 0 to 1."""
    return _WEIGHTS.get(word, 1.0)


def is_common(word: str) -> bool:
    """Return whether many companies have a word in their names."""
    return word in _WEIGHTS
