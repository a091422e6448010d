"""The properties of PowerOffice's entities: what is shown, what a POST takes, and what a PATCH may change (`rw`).
`new` marks the code or number twins of references and what is chosen once; `in` what is never shown.
"""

from talk_assets.sandbox.shape import shape

_ADDRESS = """
MailAddress.AddressLine1 text rw <=200
MailAddress.AddressLine2 text rw <=200
MailAddress.City         text rw <=100
MailAddress.CountryCode  text rw
MailAddress.ZipCode      text rw <=50
"""
_CONTACT_ADDRESS = f"""{_ADDRESS.rstrip()}
MailAddress.ExternalCode              text  rw <=50
MailAddress.Id                        int   ro
MailAddress.LastChangedDateTimeOffset stamp ro
"""
_AGRICULTURE = "{None|Finance|Farming|Forestry|FurAnimals|OtherIndustries|Private}"
_UNITS = (
    "{BX|MTR|KMT|KGM|EA|LTR|HUR|DAY|MTK|MTQ|TNE|MON|ANN|QAN|NL|XRO|XBA|XPL|XPC|PR|XCI|XBG|SET|XTY|XOF|FTK|KWH|MWH|LBR|CMT|DMT|LM|XPK|GRM"
    "|HGM|XFL|XBE|E54|MMT|DAA|H18|MLT|HLT|DLT|AK|XCR|E14|MJ|J57|XJG|XCT|XSA|XTU|WEE|XCA|XCN|NAR|M4|XVQ|P1|MFU|KMK|LM3|FOT|FM3|E34|E35}"
)
_ID_TYPES = "{PassportNumber|NationalIdentityNumber|TaxIdentificationNumber|ValueAddedTaxIdentificationNumber}"
_VAT_RETURN = (
    "{None|Adjustment|LossesOnClaims|ReversalOfInputValueAddedTax|Withdrawals|AdjustmentVatCompensationRealProperty"
    "|PurchasesEligibleForCompensation}"
)

CUSTOMERS = shape("customers", f"""
Id                                 int    ro
Allowance                          number rw
BillableRate                       number rw
ContactCreatedDateTimeOffset       stamp  ro
ContactGroupIds                    ints   rw
CreatedFromImportJournalId         uuid   ro
CurrencyCode                       text   rw
CustomerCreatedDateTimeOffset      stamp  ro
CustomerSince                      date   rw
DateOfBirth                        date   rw
DeliveryTerm                       text   new
DeliveryTermId                     int    rw
DepartmentCode                     text   new
DepartmentId                       int    rw ->departments
DoNotAddLatePaymentFees            bool   rw
DoNotAddLatePaymentInterest        bool   rw
DoNotAutomatePaymentNotifications  bool   rw
EmailAddress                       text   rw
ExternalImportReference            text   rw <=50
ExternalNumber                     int    rw
FirstName                          text   rw
InvoiceBrandingThemeCode           text   new
InvoiceBrandingThemeId             int    rw
InvoiceDeliveryType                text   rw {{PdfByEmail|Print|EHF|AvtaleGiro|External|Efaktura|Factoring}}
InvoiceEmailAddress                text   rw
InvoiceEmailAddressCC              text   rw <=2000
IsActive                           bool   ro
IsArchived                         bool   rw
IsPerson                           bool   rw
IsVatFree                          bool   rw
LastChangedDateTimeOffset          stamp  ro
LastName                           text   rw
LegalName                          text   rw{_CONTACT_ADDRESS.rstrip()}
Name                               text   rw
NationalIdNumber                   text   rw
NoticeOfDebtCollectionDeliveryType text   rw {{PdfByEmail|Print}}
Number                             int    rw
OrganizationNumber                 text   rw
PaymentReminderEmailAddress        text   rw
PaymentTerm                        int    new
PaymentTermId                      int    rw
PhoneNumber                        text   rw
ReminderDeliveryType               text   rw {{PdfByEmail|Print}}
SalesPersonEmployeeId              int    rw ->employees
SalesPersonEmployeeNumber          int    new
SendPaymentReminders               bool   rw
SubLedgerNumberSeriesId            uuid   in
SubledgerAccountId                 int    ro
TransferToDebtCollectionAgency     bool   rw
UseInvoiceFee                      bool   rw
WebsiteUrl                         text   rw
""")  # fmt: skip

CONTACT_PERSONS = shape("contactperson", f"""
Id                        int   ro
ContactId                 int   ro ->customers
CreatedDateTimeOffset     stamp ro
EmailAddress              text  rw
ExternalCode              text  rw <=50
FirstName                 text  rw !
IsActive                  bool  rw
IsDefault                 bool  rw
LastChangedDateTimeOffset stamp ro
LastName                  text  rw !{_ADDRESS.rstrip()}
PhoneNumber               text  rw
Title                     text  rw
""")  # fmt: skip

DEPARTMENTS = shape("departments", """
Id                         int   ro
Code                       text  rw
CreatedDateTimeOffset      stamp ro
CreatedFromImportJournalId uuid  ro
IsActive                   bool  rw
LastChangedDateTimeOffset  stamp ro
ManagerEmployeeId          int   rw ->employees
ManagerEmployeeNo          int   new
Name                       text  rw !
""")  # fmt: skip

EMPLOYEES = shape("employees", f"""
Id                            int   ro
ContactCreatedDateTimeOffset  stamp ro
ContactGroupIds               ints  rw
CreatedFromImportJournalId    uuid  ro
DateOfBirth                   date  rw
DepartmentCode                text  new
DepartmentId                  int   rw ->departments
EmailAddress                  text  rw
EmployeeCreatedDateTimeOffset stamp ro
EndDate                       date  rw
ExpenseBankAccountId          int   ro
ExternalImportReference       text  rw <=50
ExternalNumber                int   rw
FirstName                     text  rw !
Gender                        text  rw {{Male|Female|Hidden}}
HiredDate                     date  rw
InternationalIdCountryCode    text  rw
InternationalIdNumber         text  rw
InternationalIdReportToAltinn bool  rw
InternationalIdType           text  rw {_ID_TYPES}
IsArchived                    bool  rw
JobTitle                      text  rw
LastChangedDateTimeOffset     stamp ro
LastName                      text  rw !
LocationCode                  text  new
LocationId                    int   rw{_CONTACT_ADDRESS.rstrip()}
ManagerEmployeeId             int   rw ->employees
ManagerEmployeeNo             int   new
NationalIdNumber              text  rw
Number                        int   rw
PhoneNumber                   text  rw
SalaryBankAccountId           int   ro
StartDate                     date  rw
SubLedgerNumberSeriesId       uuid  in
SubledgerAccountId            int   ro
TravelExpenseBankAccountId    int   ro
""")  # fmt: skip

PRODUCTS = shape("product", f"""
Id                                        int    ro
Code                                      text   rw <=100
CreatedDateTimeOffset                     stamp  ro
CreatedFromImportJournalId                uuid   ro
Description                               text   rw
Gtin                                      text   rw
IsArchived                                bool   rw
IsStockItem                               bool   rw
LastChangedDateTimeOffset                 stamp  ro
Name                                      text   rw ! <=400
OptionalSalesAccount                      int    new
OptionalSalesAccountAgricultureDepartment text   new {_AGRICULTURE}
OptionalSalesAccountId                    int    rw
ProductGroupCode                          text   new
ProductGroupId                            int    rw
ProductType                               text   rw {{Product|Service}}
StandardSalesAccount                      int    new
StandardSalesAccountAgricultureDepartment text   new {_AGRICULTURE}
StandardSalesAccountId                    int    rw
StockAvailable                            number ro
StockOnHand                               number rw
StockOnHandLastChangedDatetimeOffset      stamp  ro
UnitCost                                  number rw
UnitOfMeasureCode                         text   rw {_UNITS}
UnitPrice                                 number rw
""")  # fmt: skip

PROJECTS = shape("projects", """
Id                               int    ro
AllowAllActivities               bool   rw
AllowAllEmployees                bool   rw
AttachExpenseVouchersWhenBilling bool   rw
BillableRate                     number rw
BillableRateSpecification        text   rw {Activity|Employee|Project}
BrandingThemeCode                text   new
BrandingThemeId                  int    rw
BudgetedBillableRate             number rw
BudgetedCostOfGoods              number rw
BudgetedHours                    number rw
BudgetedOtherOperatingExpenses   number rw
BudgetedPayrollExpenses          number rw
BudgetedRevenueHours             number rw
BudgetedTotalRevenue             number rw
Code                             text   rw
ContactPersonId                  int    rw ->contactperson
ContractNo                       text   rw
CreatedDateTimeOffset            stamp  ro
CreatedFromImportJournalId       uuid   ro
CustomerId                       int    rw ->customers
CustomerNo                       int    new
DeliveryTerm                     text   new
DeliveryTermId                   int    rw
DenyTimeTracking                 bool   rw
DepartmentCode                   text   new
DepartmentId                     int    rw ->departments
EndDate                          date   rw
ExpenseMarkupDescription         text   rw
ExpenseMarkupEnabled             bool   rw
ExpenseMarkupFactor              number rw
ExternalNumber                   int    rw
FixedPrice                       number rw
HourlyRateMarkupDescription      text   rw
HourlyRateMarkupEnabled          bool   rw
HourlyRateMarkupFactor           number rw
IsActive                         bool   rw
IsBillable                       bool   rw
IsInternal                       bool   rw
LastChangedDateTimeOffset        stamp  ro
LocationCode                     text   new
LocationId                       int    rw
Name                             text   rw !
ParentProjectCode                text   new
ParentProjectId                  int    rw ->projects
PaymentTermId                    int    rw
PaymentTerms                     int    new
Progress                         int    rw
ProjectBillingMethod             text   rw {FixedPrice|Time|TimeAndExpenses}
ProjectManagerEmployeeId         int    rw ->employees
ProjectManagerEmployeeNo         int    new
ProjectStatus                    text   rw {Tentative|Active|Archived|NotStarted|Complete}
PurchaseOrderNo                  text   rw
StartDate                        date   rw
""")  # fmt: skip

SALES_ORDERS = shape("salesorders", """
Id                               uuid   ro
BrandingThemeCode                text   new
BrandingThemeId                  int    rw
ContactDeliveryAddressId         int    rw
ContractNo                       text   rw
CreatedDateTimeOffset            stamp  ro
CurrencyCode                     text   rw
CurrencyExchangeRate             number rw
CustomMatchingReference          text   rw
CustomerId                       int    rw ->customers
CustomerNo                       int    new
CustomerReference                text   rw
CustomerReferenceContactPersonId int    rw ->contactperson
DeliveryDate                     date   rw
DeliveryTerm                     text   new
DeliveryTermId                   int    rw
DepartmentCode                   text   new
DepartmentId                     int    rw ->departments
Dim1Code                         text   new
Dim1Id                           int    rw
Dim2Code                         text   new
Dim2Id                           int    rw
Dim3Code                         text   new
Dim3Id                           int    rw
ExternalImportReference          text   rw
ImportedOrderNo                  int    rw
IsCreatedByCurrentIntegration    bool   ro
LastChangedDateTimeOffset        stamp  ro
LineCount                        int    ro
LocationCode                     text   new
LocationId                       int    rw
NetAmount                        number ro
PaymentTerm                      int    new
PaymentTermId                    int    rw
ProjectCode                      text   new
ProjectId                        int    rw ->projects
PurchaseOrderReference           text   rw
RelatedInvoiceNo                 int    rw
SalesOrderDate                   date   rw
SalesOrderNo                     int    ro
SalesOrderStatus                 text   rw {Draft|Confirmed}
SalesPersonEmployeeId            int    rw ->employees
SalesPersonEmployeeNumber        int    new
TotalAmount                      number ro
""")  # fmt: skip

LINES = shape("salesorderlines", f"""
Id                         uuid   ro
Accrual                    json   new
Allowance                  number rw
DepartmentCode             text   new
DepartmentId               int    rw ->departments
Description                text   rw
Dim1Code                   text   new
Dim1Id                     int    rw
Dim2Code                   text   new
Dim2Id                     int    rw
Dim3Code                   text   new
Dim3Id                     int    rw
ExternalImportReference    text   rw
LineType                   text   rw {{Normal|Text|Summary|InvoiceFee|TotalHours}}
LocationCode               text   new
LocationId                 int    rw
NetAmount                  number ro
ProductCode                text   new
ProductId                  int    rw ->product
ProductUnitCost            number rw
ProductUnitPrice           number rw
ProjectCode                text   new
ProjectId                  int    rw ->projects
Quantity                   number rw
SalesOrderId               uuid   ro
SellersReferenceEmployeeId int    rw ->employees
SellersReferenceEmployeeNo int    new
SortOrder                  int    rw
TotalAmount                number ro
UnitOfMeasureCode          text   rw {_UNITS}
UseStandardSalesAccount    bool   rw
VatAmount                  number ro
VatCode                    text   ro
VatId                      int    ro
VatRate                    number ro
VatReturnSpecification     text   rw {_VAT_RETURN}
""")  # fmt: skip

ACTIVITIES = shape("timetrackingactivity", """
id                         int    ro
activityType               int    rw !
code                       text   rw ! <=50
createdFromImportJournalId uuid   ro
hourlyRate                 number rw
hourType                   text   rw
isActive                   bool   rw =true
isLockedHourType           bool   rw =false
lastChanged                stamp  ro
name                       text   rw ! <=400
productCode                text   rw
requireExternalComment     bool   rw =false
requireProject             bool   rw =false
useEmployeeDefaultHourType bool   rw =false
useRegularHoursHourType    bool   rw =false
""")  # fmt: skip

PROJECT_ACTIVITIES = shape("projectactivity", """
id           int    ro
activityCode text   rw ! <=50
hourlyRate   number rw
isBillable   bool   rw
name         text   ro
projectCode  text   ro
projectId    int    in ->projects
""")  # fmt: skip

SHAPES = {
    found.entity: found
    for found in (
        CUSTOMERS,
        CONTACT_PERSONS,
        DEPARTMENTS,
        EMPLOYEES,
        PRODUCTS,
        PROJECTS,
        SALES_ORDERS,
        ACTIVITIES,
        PROJECT_ACTIVITIES,
    )
}
