"""A company's own facts, preferences, taxes and currencies by python-quickbooks."""

from typing import Any

from quickbooks.exceptions import QuickbooksException
from quickbooks.objects import (
    CompanyInfo,
    Preferences,
    TaxAgency,
    TaxCode,
    TaxRate,
    TaxRateDetails,
    TaxService,
)
from quickbooks.objects.companycurrency import CompanyCurrency
from quickbooks.objects.exchangerate import ExchangeRate

from tests.clients.calls.line import Line, raised
from tests.clients.calls.lists import found


def case_company_info(line: Line) -> None:
    for company in (
        CompanyInfo.get(line.us.company_id, qb=line.us),
        CompanyInfo.get(1, qb=line.us),
        CompanyInfo.all(qb=line.us)[0],
        CompanyInfo.query("SELECT * FROM CompanyInfo", qb=line.us)[0],
    ):
        assert (company.CompanyName, company.Country) == ("Craig's Consulting", "US")
        assert company.CompanyAddr.Line1 == "2500 Garcia Avenue"
        assert company.MetaData.CreateTime


def case_a_changed_company_info(line: Line) -> None:
    company = CompanyInfo.get(1, qb=line.uk)
    company.LegalName = "Harbour & Finch Limited"
    company.CompanyAddr.Line2 = "2nd floor"
    saved = company.save(qb=line.uk)
    assert (saved.LegalName, saved.CompanyAddr.Line2) == ("Harbour & Finch Limited", "2nd floor")


def case_preferences(line: Line) -> None:
    read = Preferences.get(qb=line.us)
    assert (read.Id, str(read)) == ("1", "Preferences 1")
    assert read.AccountingInfoPrefs.TaxYearMonth == "January"
    assert read.ProductAndServicesPrefs.ForPurchase is True
    assert read.VendorAndPurchasesPrefs.BillableExpenseTracking is True
    assert read.TimeTrackingPrefs.WorkWeekStartDate == "Monday"
    assert read.SalesFormsPrefs.DefaultTerms.value
    assert read.TaxPrefs.TaxGroupCodeRef.value
    assert read.CurrencyPrefs.HomeCurrency.value == "USD"
    assert read.OtherPrefs.NameValue[0].Name


def case_changed_preferences(line: Line) -> None:
    read = Preferences.get(qb=line.us)
    read.EmailMessagesPrefs.EstimateMessage.Subject = "Our offer"
    read.SalesFormsPrefs.CustomTxnNumbers = True
    saved = read.save(qb=line.us)
    assert saved.EmailMessagesPrefs.EstimateMessage.Subject == "Our offer"
    assert saved.SalesFormsPrefs.CustomTxnNumbers is True
    saved.SalesFormsPrefs.CustomTxnNumbers = False
    assert saved.save(qb=line.us).SalesFormsPrefs.CustomTxnNumbers is False


def case_tax_codes_and_rates(line: Line) -> None:
    for qb in (line.us, line.uk):
        code = next(each for each in TaxCode.all(qb=qb) if each.SalesTaxRateList)
        found(qb, TaxCode, "Name", code.Name, code.Id)
        detail = TaxCode.get(code.Id, qb=qb).SalesTaxRateList.TaxRateDetail[0]
        rate = TaxRate.get(detail.TaxRateRef.value, qb=qb)
        assert (rate.RateValue >= 0, rate.Active, rate.AgencyRef.value != "") == (True, True, True)
        assert TaxAgency.get(rate.AgencyRef.value, qb=qb).TaxTrackedOnSales is True
        assert TaxRate.filter(Name=rate.Name, qb=qb)[0].Id == rate.Id
        assert TaxRate.count(qb=qb) == len(TaxRate.all(qb=qb))


def case_a_tax_agency(line: Line) -> None:
    agency = TaxAgency()
    agency.DisplayName = "City of San Jose"
    saved = agency.save(qb=line.us)
    assert TaxAgency.get(saved.Id, qb=line.us).DisplayName == str(agency)
    assert [each.Id for each in TaxAgency.filter(DisplayName="City of San Jose", qb=line.us)] == [saved.Id]


def case_a_tax_by_the_tax_service(line: Line) -> None:
    service, detail = TaxService(), TaxRateDetails()
    service.TaxCode = detail.TaxRateName = "Harbour dues"
    detail.RateValue, detail.TaxAgencyId, detail.TaxApplicableOn = 10, 1, "Sales"
    service.TaxRateDetails.append(detail)
    saved = service.save(qb=line.us)
    assert saved.TaxCode == "Harbour dues"
    [back] = saved.TaxRateDetails
    assert (back.TaxRateName, back.RateValue, back.TaxAgencyId) == ("Harbour dues", 10, "1")
    assert back.TaxApplicableOn == "Sales"
    code = TaxCode.get(saved.TaxCodeId, qb=line.us)
    assert code.SalesTaxRateList.TaxRateDetail[0].TaxRateRef.value == back.TaxRateId


def case_currencies(line: Line) -> None:
    known = {each.Code for each in CompanyCurrency.all(qb=line.uk)}
    currency = CompanyCurrency()
    currency.Code = next(each for each in ("CHF", "NOK") if each not in known)
    saved = currency.save(qb=line.uk)
    assert (saved.Active, saved.to_ref().value) == (True, currency.Code)
    assert CompanyCurrency.get(saved.Id, qb=line.uk).Name == saved.Name != ""
    assert [each.Id for each in CompanyCurrency.filter(Code=currency.Code, qb=line.uk)] == [saved.Id]
    saved.Active = False
    assert saved.save(qb=line.uk).Active is False


def case_exchange_rates(line: Line) -> None:
    [rate] = ExchangeRate.where("SourceCurrencyCode = 'EUR'", qb=line.uk)
    assert (rate.TargetCurrencyCode, rate.Rate > 0) == ("GBP", True)
    rate.Rate = 1.5
    assert rate.save(qb=line.uk).Rate == 1.5
    assert [each.Rate for each in ExchangeRate.filter(SourceCurrencyCode="EUR", qb=line.uk)] == [1.5]
    dated = f"SourceCurrencyCode = 'EUR' AND AsOfDate = '{rate.AsOfDate}'"
    assert [each.Rate for each in ExchangeRate.where(dated, qb=line.uk)] == [1.5]


def case_a_company_with_one_currency(line: Line) -> None:
    currency: Any = CompanyCurrency()
    currency.Code = "EUR"
    assert raised(QuickbooksException, currency.save, qb=line.us).error_code in {5020, 5030}
