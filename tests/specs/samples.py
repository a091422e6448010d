"""Texts that tests start from: one document with every kind of sentence, and a small pair of systems."""

PARAGRAPH = (
    "This technical document provides a detailed overview of the Sesam Talk data flow from Alpha CRM to Beta. It serves as a "
    "QA checklist for testing purposes and is the intellectual property of Sesam.io AS. The content contains confidential "
    "information regulated under an NDA agreement, and sharing or distributing it without written permission is prohibited."
)

EVERY_SENTENCE = f"""\
===========================
Alpha CRM to Beta Dataflow
===========================

Generated: 2024-11-13 00:31:07

Introduction
------------

{PARAGRAPH}

Alpha CRM Company to Beta Customer (organisation data)
------------------------------------------------------
Before any synchronization can take place, a link between a Alpha CRM Company and a Beta Customer (organisation data) must be established.

A new Beta Customer (organisation data) will be created from a Alpha CRM Company if it is connected to a Alpha CRM Deal, or Quote that is synchronized into Beta.

A Alpha CRM Company will merge with a Beta Customer (organisation data) if one of the following property combinations match:

.. list-table::
   :header-rows: 1

   * - Alpha CRM Company Property
     - Beta Customer (organisation data) Property
   * - orgNr (Dependant on having NO in country)
     - organizationNumber
   * - email
     - emails.value

Once a link between a Alpha CRM Company and a Beta Customer (organisation data) is established, it will keep in sync between the two systems, regardless of where it is edited.

The following properties are synchronized between a Alpha CRM Company and a Beta Customer (organisation data):

.. list-table::
   :header-rows: 1

   * - Alpha CRM Company Property
     - Beta Customer (organisation data) Property
     - Beta Data Type
   * - name\t
     - name 
     - "string"
   * - turnover
     - economy.turnover
"float"


Alpha CRM Contact to Beta Contact
---------------------------------
Every Alpha CRM Contact will be synchronized with a Beta Contact.

If a matching Beta Contact already exists, the Alpha CRM Contact will be merged with the existing one.
If no matching Beta Contact is found, a new Beta Contact will be created.

A Alpha CRM Contact will merge with a Beta Contact if one of the following property combinations match:

.. list-table::
   :header-rows: 1

   * - Alpha CRM Contact Property
     - Beta Contact Property
   * - email
     - email

Once a link between a Alpha CRM Contact and a Beta Contact is established, it will keep in sync between the two systems, regardless of where it is edited.

The following properties are synchronized between a Alpha CRM Contact and a Beta Contact:

.. list-table::
   :header-rows: 1

   * - Alpha CRM Contact Property
     - Beta Contact Property
     - Beta Data Type
   * - born
     - dateOfBirth
     - N/A
   * - score
     - score
     - ["decimal","_."]


Alpha CRM Deal to Beta Order
----------------------------
When a Alpha CRM Deal is won. At last, it  will be synchronized with a Beta Order.

Once a link between a Alpha CRM Deal and a Beta Order is established, it will keep in sync between the two systems, regardless of where it is edited.

The following properties are synchronized between a Alpha CRM Deal and a Beta Order:

.. list-table::
   :header-rows: 1

   * - Alpha CRM Deal Property
     - Beta Order Property
     - Beta Data Type

""".replace("===========================", "==========================")

EMPTY_DOCUMENT = f"""\
==========================
Alpha CRM to Beta Dataflow
==========================

Generated: 2023-05-09 12:00:00

Introduction.
------------

{PARAGRAPH}
"""

ALPHA = """\
system: alpha
title: Alpha CRM
schedule: "*/5 * * * *"
full_sweep: "0 3 * * *"
clients:
  api:
    base_url: https://alpha.example.com
    auth: {type: bearer, token: {env: ALPHA_TOKEN}}
    paginator: {type: single_page}
    limits: {requests: 10}
entities:
  company:
    title: Company
    subject: customer
    list: {path: companies}
    create: {path: companies}
    properties:
      id: {type: string, access: read_only, nullable: false}
      name: {type: string, nullable: false, required: true}
      code: {type: string, nullable: false, unique: true}
      email: {type: string, format: email}
      founded: {type: date}
      turnover: {type: decimal}
      employees: {type: integer}
      active: {type: boolean}
      isInactive: {type: boolean}
      status: {type: string, values: [lead, won]}
      currency: {type: string, format: currency_code}
      ownerId: {type: string}
      created: {type: datetime, access: read_only}
      mainContact: {type: string, references: [contact]}
  contact:
    title: Contact
    subject: contact
    list: {path: contacts}
    create: {path: contacts}
    properties:
      id: {type: string, access: read_only, nullable: false}
      name: {type: string, nullable: false, required: true}
      email: {type: string, format: email, nullable: false, unique: true}
      company: {type: string, references: [company]}
  deal:
    title: Deal
    subject: order
    list: {path: deals}
    create: {path: deals}
    properties:
      id: {type: string, access: read_only, nullable: false}
      title: {type: string}
      company: {type: string, references: [company]}
      probability: {type: integer}
"""

BETA = """\
system: beta
title: Beta
schedule: "*/5 * * * *"
full_sweep: "0 3 * * *"
clients:
  api:
    base_url: https://beta.example.com
    auth: {type: api_key, header: X-Api-Key, key: {env: BETA_KEY}}
    paginator: {type: single_page}
    limits: {requests: 10}
entities:
  customer:
    title: Customer
    subject: customer
    list: {path: customers}
    create: {path: customers}
    properties:
      id: {type: integer, access: read_only, nullable: false}
      name: {type: string, nullable: false, required: true}
      legalName: {type: string}
      code: {type: string, nullable: false, unique: true}
      mail: {type: string, format: email}
      founded: {type: date}
      turnover: {type: decimal}
      staff: {type: integer}
      IsActive: {type: boolean}
      status: {type: string, values: [prospect, customer]}
      currency: {type: string, format: currency_code}
      customerId: {type: string}
      created: {type: datetime, access: read_only}
      contact: {type: integer, references: [person]}
      MailAddress.City: {type: string}
  person:
    title: Person
    subject: contact
    list: {path: people}
    create: {path: people}
    properties:
      id: {type: integer, access: read_only, nullable: false}
      first: {type: string}
      last: {type: string}
      mail: {type: string, format: email, nullable: false, unique: true}
      customer: {type: integer, references: [customer]}
  order:
    title: Order
    subject: order
    list: {path: orders}
    properties:
      id: {type: integer, access: read_only, nullable: false}
      title: {type: string}
      customer: {type: integer, references: [customer]}
"""

SOUND_FLOW = """\
source: alpha
target: beta
mappings:
  - source: company
    target: customer
    create: always
    match:
      - [code, code]
    properties:
      - [name, name]
      - [code, code]
      - [email, mail]
      - [founded, founded]
      - [turnover, turnover]
  - source: contact
    target: person
    create: always
    match:
      - [email, mail]
    properties:
      - {source: name, target: [first, last], join: " ", added: true}
      - [email, mail]
      - [company, customer]
"""
