"""Words that people write in full and abbreviated."""

_FULL = {
    "acq": "acquisition",
    "amer": "american",
    "assn": "association",
    "assoc": "associates",
    "assocs": "associates",
    "bldg": "building",
    "blvd": "boulevard",
    "bros": "brothers",
    "co": "company",
    "constr": "construction",
    "corp": "corporation",
    "cos": "companies",
    "ctr": "center",
    "ctrs": "centers",
    "dept": "department",
    "dev": "development",
    "engg": "engineering",
    "equip": "equipment",
    "fdn": "foundation",
    "ft": "fort",
    "govt": "government",
    "grp": "group",
    "hldg": "holding",
    "hldgs": "holdings",
    "hosp": "hospital",
    "hwy": "highway",
    "inc": "incorporated",
    "inds": "industries",
    "ins": "insurance",
    "inst": "institute",
    "intl": "international",
    "invt": "investment",
    "labs": "laboratories",
    "ltd": "limited",
    "mfg": "manufacturing",
    "mgmt": "management",
    "mgt": "management",
    "mktg": "marketing",
    "mt": "mount",
    "mtg": "mortgage",
    "mtn": "mountain",
    "natl": "national",
    "pkg": "packaging",
    "prods": "products",
    "props": "properties",
    "pvt": "private",
    "pwr": "power",
    "rlty": "realty",
    "st": "saint",
    "svc": "service",
    "svcs": "services",
    "svgs": "savings",
    "sys": "systems",
    "techs": "technologies",
    "transp": "transportation",
    "univ": "university",
    "usa": "us",
    "utd": "united",
}
# British words as Americans write them, and words for a group that other languages have.
_SPELT = """aluminium aluminum  catalogue catalog  centre center  centres centers  colour color  colours colors
    counselling counseling  defence defense  fibre fiber  harbour harbor  honour honor  jewellers jewelers
    jewellery jewelry  labour labor  licence license  metre meter  modelling modeling
    neighbour neighbor  organisation organization  organisations organizations  orthopaedic orthopedic
    orthopaedics orthopedics  paediatric pediatric  paediatrics pediatrics  programme program  sulphur sulfur
    theatre theater  theatres theaters  travellers travelers  tyre tire  tyres tires
    groep group  groupe group  grupo group  gruppe group  gruppo group"""
_PAIRS = _SPELT.split()
# Words that people write in several ways, as they are compared.
FULL: dict[str, str] = _FULL | dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))

# How much a word tells companies apart, from 0 to 1: one less the logarithm of the number of companies that have it, to
# the base of the number of all companies. Counted in the names of 9,540 public companies; the words of trades and places
# that those rarely have are set beside words as frequent. A word that is not here tells everything.
_TELLING: dict[float, str] = {
    0.2: "company companies corporation incorporated limited of in de a for",
    0.3: "fund group holding holdings",
    0.4: """acquisition bancorp energy enterprise enterprises financial global income international service services
        technologies technology therapeutics trust""",
    0.5: """one two three four five six seven eight nine ten eleven twelve second third fourth fifth america american associates association bank brands capital com consultants consulting construction first
        foundation gold health healthcare industrial industries insurance investment investments management
        medical municipal national new partners pharma pharmaceutical pharmaceuticals properties resource resources
        solution solutions system systems tech usa us""",
    0.6: """agency asset automotive bancshares bankshares bio biopharma bioscience biosciences biotech brothers business
        canada center china city clinic club community contractors data dental design digital education electric
        engineering entertainment equity estate europe finance food foods general green growth high home homes hotel
        hotels infrastructure laboratories labs landscaping law life logistics manufacturing marketing media metals
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
