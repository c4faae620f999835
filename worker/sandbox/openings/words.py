"""The words that plausible names are made of, and the places where plausible customers are."""

from collections.abc import Mapping, Sequence


def _words(text: str) -> Sequence[str]:
    return text.split("|")


PLACES = _words(
    "Alder|Aldgate|Ashford|Aspen|Bayside|Beacon|Birch|Blackwater|Blue|Bramble|Bridgeport|Brook|Cedar|"
    "Chestnut|Clearwater|Cobalt|Copper|Corner|Crescent|Crown|Dalewood|Eastgate|Elm|Evergreen|Fairview|Falcon|"
    "Fern|Foxglove|Garnet|Glen|Granite|Greenfield|Harbor|Hawthorn|Hazel|Heron|Highland|Hillcrest|Ivy|Juniper|"
    "Kestrel|Kingfisher|Lakeside|Lantern|Larch|Laurel|Linden|Maple|Marble|Meadow|Mill|Moss|Northgate|Oak|"
    "Ocean|Olive|Orchard|Osprey|Pebble|Pine|Quarry|Raven|Redwood|Ridge|River|Rowan|Sable|Sage|Sandstone|"
    "Silver|Slate|Southgate|Spruce|Sterling|Summit|Swallow|Sycamore|Thistle|Timber|Union|Valley|Vine|Walnut|"
    "Westgate|Willow|Windmill|Wren|Yarrow"
)
TRADES = _words(
    "Accounting|Analytics|Architects|Bakery|Bicycles|Boats|Books|Brewing|Builders|Carpentry|Catering|"
    "Ceramics|Chocolate|Clinic|Coffee|Consulting|Dairy|Dental|Design|Electric|Energy|Engineering|Events|"
    "Fabrics|Farms|Films|Fitness|Flooring|Foods|Foundry|Furniture|Gardens|Gallery|Glass|Grocers|Hardware|"
    "Health|Holdings|Homes|Hotels|Instruments|Interiors|Labs|Landscaping|Laundry|Lighting|Logistics|Media|"
    "Metals|Motors|Optics|Outfitters|Paints|Partners|Pharmacy|Photography|Plumbing|Press|Printing|Properties|"
    "Robotics|Roofing|Security|Shoes|Software|Studios|Supply|Systems|Textiles|Tools|Toys|Travel|Vets|Watches|"
    "Windows|Woodworks"
)
FORMS: Mapping[str, Sequence[str]] = {
    "US": ("Inc.", "LLC", "Co.", "Corp.", "Group"),
    "GB": ("Ltd", "LLP", "plc", "& Sons", "Group"),
    "CA": ("Inc.", "Ltd.", "Corp.", "& Co.", "Group"),
}
GIVEN_NAMES = _words(
    "Ada|Amir|Ana|Ben|Carla|Chen|Dana|David|Elena|Emma|Farid|Fiona|George|Grace|Hana|Hugo|Ines|Isaac|Jonas|"
    "Julia|Karim|Kate|Lena|Liam|Maria|Marcus|Mei|Mina|Nadia|Noah|Olga|Oscar|Paula|Peter|Priya|Rosa|Samir|"
    "Sara|Theo|Tomas|Uma|Vera|Victor|Wei|Yara|Zoe"
)
FAMILY_NAMES = _words(
    "Adler|Ahmed|Baker|Bauer|Brown|Castillo|Chen|Clarke|Costa|Diaz|Dubois|Evans|Fischer|Foster|Garcia|Green|"
    "Hall|Hansen|Hughes|Ivanova|Jackson|Jensen|Kaur|Keller|Khan|Kim|Lambert|Lee|Lopez|Martin|Meyer|Moore|"
    "Morris|Nakamura|Novak|Okafor|Olsen|Park|Patel|Perez|Reid|Rossi|Santos|Schmidt|Shah|Silva|Singh|Smith|"
    "Tanaka|Taylor|Turner|Walker|Weber|White|Wilson|Wong|Young"
)
STREETS = (
    "Main Street",
    "High Street",
    "Station Road",
    "Park Avenue",
    "Mill Lane",
    "Church Street",
    "Market Square",
)
# City, region, and the beginning of its postal codes, by country.
CITIES: Mapping[str, Sequence[tuple[str, str, str]]] = {
    "US": (
        ("San Francisco", "CA", "941"),
        ("Los Angeles", "CA", "900"),
        ("New York", "NY", "100"),
        ("Buffalo", "NY", "142"),
        ("Austin", "TX", "787"),
        ("Houston", "TX", "770"),
        ("Seattle", "WA", "981"),
        ("Denver", "CO", "802"),
        ("Chicago", "IL", "606"),
        ("Portland", "OR", "972"),
    ),
    "GB": (
        ("London", "", "EC1A "),
        ("Bristol", "", "BS1 "),
        ("Leeds", "", "LS1 "),
        ("Cardiff", "", "CF10 "),
        ("Glasgow", "", "G1 "),
    ),
    "CA": (
        ("Toronto", "ON", "M5V "),
        ("Ottawa", "ON", "K1A "),
        ("Montréal", "QC", "H3A "),
        ("Vancouver", "BC", "V6B "),
        ("Halifax", "NS", "B3H "),
    ),
}
KINDS_OF_PRODUCTS = _words(
    "Annual|Basic|Business|Classic|Compact|Custom|Deluxe|Digital|Enterprise|Essential|Express|Extended|"
    "Family|Field|Flexible|Heavy-duty|Hosted|Indoor|Light|Managed|Mobile|Monthly|Mountain|Outdoor|Portable|"
    "Premium|Professional|Rapid|Remote|Seasonal|Smart|Standard|Starter|Studio|Team|Training|Travel|Urban|"
    "Weekly|Winter"
)
PRODUCTS = _words(
    "Audit|Backup|Bench|Cabinet|Charger|Cleaning|Consultation|Course|Desk|Delivery|Design Review|Dock|Filter|"
    "Hosting|Inspection|Installation|Kit|Lamp|Licence|Maintenance|Monitor|Onboarding|Pump|Rack|Repair|Report|"
    "Router|Seat|Sensor|Service Plan|Session|Shelf|Storage|Subscription|Support|Table|Tool Set|Translation|"
    "Unit|Workshop"
)
