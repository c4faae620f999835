"""The time zones of the states and provinces of countries that have several.

Each line lists the zones of some regions. A region with one zone lies in it, except for the places in `EXCEPT`. In a
region with several zones, only a postal code can decide. Zones that keep the same time count as one.
"""

ZONES = {
    "US": {
        "America/New_York": "CT DC DE GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV",
        "America/Chicago": "AL AR IA IL LA MN MO MS OK WI",
        "America/Denver": "CO MT NM UT WY",
        "America/Los_Angeles": "CA NV WA",
        "America/Phoenix": "AZ",
        "America/Anchorage": "AK",
        "Pacific/Honolulu": "HI",
        "America/Puerto_Rico": "PR",
        "America/St_Thomas": "VI",
        "Pacific/Guam": "GU",
        "Pacific/Saipan": "MP",
        "Pacific/Pago_Pago": "AS",
        "America/New_York America/Chicago": "FL KY TN",
        "America/Indiana/Indianapolis America/Chicago": "IN",
        "America/Detroit America/Menominee": "MI",
        "America/Chicago America/Denver": "KS ND NE SD TX",
        "America/Boise America/Los_Angeles": "ID OR",
    },
    "CA": {
        "America/Edmonton": "AB",
        "America/Vancouver America/Edmonton": "BC",
        "America/Winnipeg": "MB",
        "America/Moncton": "NB",
        "America/St_Johns America/Goose_Bay": "NL",
        "America/Halifax": "NS PE",
        "America/Edmonton America/Inuvik": "NT",
        "America/Iqaluit America/Rankin_Inlet America/Cambridge_Bay": "NU",
        "America/Toronto America/Winnipeg": "ON",
        "America/Toronto": "QC",
        "America/Regina": "SK",
        "America/Whitehorse": "YT",
    },
    "AU": {
        "Australia/Sydney": "ACT JBT NSW",
        "Australia/Melbourne": "VIC",
        "Australia/Brisbane": "QLD",
        "Australia/Adelaide": "SA",
        "Australia/Darwin": "NT",
        "Australia/Perth": "WA",
        "Australia/Hobart": "TAS",
    },
    "BR": {
        "America/Sao_Paulo": "DF ES GO MG PR RJ RS SC SP",
        "America/Fortaleza": "CE MA PB PI RN",
        "America/Recife": "PE",
        "America/Maceio": "AL SE",
        "America/Bahia": "BA",
        "America/Araguaina": "TO",
        "America/Belem America/Santarem": "PA",
        "America/Belem": "AP",
        "America/Campo_Grande": "MS",
        "America/Cuiaba": "MT",
        "America/Porto_Velho": "RO",
        "America/Boa_Vista": "RR",
        "America/Manaus America/Eirunepe": "AM",
        "America/Rio_Branco": "AC",
    },
    "MX": {
        "America/Mexico_City": "AGU CHP CMX COL GRO GUA HID JAL MEX MIC MOR OAX PUE QUE SLP TAB TLA VER ZAC",
        "America/Merida": "CAM YUC",
        "America/Cancun": "ROO",
        "America/Monterrey": "DUR",
        "America/Monterrey America/Matamoros": "COA NLE TAM",
        "America/Chihuahua America/Ciudad_Juarez America/Ojinaga": "CHH",
        "America/Mazatlan": "BCS SIN",
        "America/Mazatlan America/Bahia_Banderas": "NAY",
        "America/Hermosillo": "SON",
        "America/Tijuana": "BCN",
    },
}

# Postal codes that decide, by their beginning: the country, the region if one matters, the zone.
BY_POSTAL_CODE = {
    ("CA", "ON"): {"America/Toronto": "K L M N"},  # P, the north, has both
    ("CA", "BC"): {"America/Vancouver": "V3 V4 V5 V6 V7 V8 V9"},  # V0 to V2, the interior, have both
    ("ES", None): {"Atlantic/Canary": "35 38", "Europe/Madrid": "0 1 2 30 31 32 33 34 36 37 39 4 50 51 52"},
    ("PT", None): {
        "Europe/Lisbon": "1 2 3 4 5 6 7 8",
        "Atlantic/Madeira": "90 91 92 93 94",
        "Atlantic/Azores": "95 96 97 98 99",
    },
}

# Places with another time than the rest of their region or country, by their postal codes; a person has to choose there.
EXCEPT = {
    ("US", "AK"): "99546 99547",  # Adak and Atka
    ("US", "AZ"): "865 86020 86033 86035 86044 86045 86053 86054",  # the Navajo Nation
    ("US", "NV"): "89883",  # West Wendover
    ("CA", "QC"): "G0G",  # the Lower North Shore
    ("CA", "SK"): "S9V",  # Lloydminster
    ("AU", "NSW"): "2879 2880 2898",  # Broken Hill, Lord Howe Island
    ("AU", "WA"): "6443",  # Eucla
    ("BR", "PE"): "53990",  # Fernando de Noronha
    ("NZ", None): "8942",  # the Chatham Islands
    ("FR", None): "97 98",  # overseas
}

# Countries whose zones of a few remote islands are left out; see `EXCEPT`.
MOSTLY = {"NZ": "Pacific/Auckland"}

# Regions whose code is also a country's code, since QuickBooks may write either.
TERRITORIES = {"US": frozenset({"PR", "VI", "GU", "MP", "AS"}), "GB": frozenset({"GG", "IM", "JE"})}

NAMES = {
    "US": """AL Alabama, AK Alaska, AZ Arizona, AR Arkansas, CA California, CO Colorado, CT Connecticut, DE Delaware,
    DC District of Columbia, DC Washington DC, FL Florida, GA Georgia, HI Hawaii, ID Idaho, IL Illinois, IN Indiana,
    IA Iowa, KS Kansas, KY Kentucky, LA Louisiana, ME Maine, MD Maryland, MA Massachusetts, MI Michigan, MN Minnesota,
    MS Mississippi, MO Missouri, MT Montana, NE Nebraska, NV Nevada, NH New Hampshire, NJ New Jersey, NM New Mexico,
    NY New York, NC North Carolina, ND North Dakota, OH Ohio, OK Oklahoma, OR Oregon, PA Pennsylvania, RI Rhode Island,
    SC South Carolina, SD South Dakota, TN Tennessee, TX Texas, UT Utah, VT Vermont, VA Virginia, WA Washington,
    WA Washington State, WV West Virginia, WI Wisconsin, WY Wyoming, PR Puerto Rico, VI US Virgin Islands,
    VI Virgin Islands, GU Guam, MP Northern Mariana Islands, AS American Samoa""",
    "CA": """AB Alberta, BC British Columbia, MB Manitoba, NB New Brunswick, NL Newfoundland and Labrador, NL Newfoundland,
    NL NF, NS Nova Scotia, NT Northwest Territories, NU Nunavut, ON Ontario, PE Prince Edward Island, PE PEI, QC Quebec,
    QC PQ, SK Saskatchewan, YT Yukon, YT Yukon Territory, YT YK""",
    "AU": """ACT Australian Capital Territory, NSW New South Wales, NT Northern Territory, QLD Queensland,
    SA South Australia, TAS Tasmania, VIC Victoria, WA Western Australia""",
    "BR": """AC Acre, AL Alagoas, AP Amapa, AM Amazonas, BA Bahia, CE Ceara, DF Distrito Federal, ES Espirito Santo,
    GO Goias, MA Maranhao, MT Mato Grosso, MS Mato Grosso do Sul, MG Minas Gerais, PA Para, PB Paraiba, PR Parana,
    PE Pernambuco, PI Piaui, RJ Rio de Janeiro, RN Rio Grande do Norte, RS Rio Grande do Sul, RO Rondonia, RR Roraima,
    SC Santa Catarina, SP Sao Paulo, SE Sergipe, TO Tocantins""",
    "MX": """AGU Aguascalientes, AGU AGS, BCN Baja California, BCN BC, BCS Baja California Sur, CAM Campeche, CHP Chiapas,
    CHH Chihuahua, CMX Ciudad de Mexico, CMX CDMX, CMX DF, CMX Distrito Federal, CMX Mexico City, COA Coahuila, COL Colima,
    DUR Durango, DUR DGO, GRO Guerrero, GUA Guanajuato, GUA GTO, HID Hidalgo, JAL Jalisco, MEX Estado de Mexico,
    MEX Mexico, MIC Michoacan, MOR Morelos, NAY Nayarit, NLE Nuevo Leon, NLE NL, OAX Oaxaca, PUE Puebla, QUE Queretaro,
    QUE QRO, ROO Quintana Roo, SLP San Luis Potosi, SIN Sinaloa, SON Sonora, TAB Tabasco, TAM Tamaulipas, TLA Tlaxcala,
    VER Veracruz, YUC Yucatan, ZAC Zacatecas""",
}
