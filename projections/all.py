"""Every projection."""

from projections.deals import DEALS
from projections.integration_log import INTEGRATION_LOG
from projections.invoices import INVOICES
from projections.mappings import MAPPINGS

PROJECTIONS = (DEALS, INVOICES, MAPPINGS, INTEGRATION_LOG)
