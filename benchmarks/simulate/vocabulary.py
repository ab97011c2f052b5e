"""Names and words that worlds are made of: shops, ticket offices, clinics, and their services."""

from __future__ import annotations

DOMAINS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "shop",
        (
            "cart",
            "checkout",
            "catalog",
            "pricing",
            "orders",
            "inventory",
            "reviews",
            "search",
            "recommend",
            "shipping",
            "returns",
            "coupons",
        ),
    ),
    (
        "tickets",
        (
            "seats",
            "booking",
            "events",
            "venues",
            "waitlist",
            "quotes",
            "vouchers",
            "checkin",
            "resale",
            "holds",
            "listings",
            "payouts",
        ),
    ),
    (
        "clinic",
        (
            "appointments",
            "patients",
            "referrals",
            "billing",
            "claims",
            "prescriptions",
            "labs",
            "intake",
            "roster",
            "messages",
            "imaging",
            "consents",
        ),
    ),
    (
        "bank",
        (
            "accounts",
            "transfers",
            "cards",
            "ledger",
            "limits",
            "statements",
            "fraud",
            "fx",
            "loans",
            "beneficiaries",
            "kyc",
            "disputes",
        ),
    ),
    (
        "media",
        (
            "playback",
            "playlists",
            "library",
            "ingest",
            "subtitles",
            "ratings",
            "profiles",
            "entitlements",
            "ads",
            "drm",
            "feeds",
            "downloads",
        ),
    ),
)
"""An organisation's short name, and what its services are called."""
HUBS: tuple[str, ...] = ("identity", "sessions", "users", "settings", "tenants")
"""Services that nearly all others call."""
FRONTS: tuple[str, ...] = ("storefront", "mobile-bff", "partner-api", "backoffice", "public-api")
WORKERS: tuple[str, ...] = (
    "mailer",
    "exporter",
    "indexer",
    "reconciler",
    "thumbnailer",
    "webhooks",
)
PROVIDERS: tuple[tuple[str, str], ...] = (
    ("paynex", "api.paynex.example"),
    ("mailgrove", "smtp.mailgrove.example"),
    ("geotally", "geo.geotally.example"),
    ("scorewell", "risk.scorewell.example"),
    ("smsroute", "gateway.smsroute.example"),
    ("taxwise", "rates.taxwise.example"),
)
"""Outside providers: their name and where they answer."""
LANGUAGES: tuple[str, ...] = ("java", "python", "go", "node", "dotnet")
FIELDS: tuple[str, ...] = (
    "currency",
    "locale",
    "segment",
    "discount",
    "region",
    "channel",
    "priority",
    "variant",
    "origin",
    "carrier",
    "tier",
    "external_ref",
)
CLASSES: tuple[str, ...] = (
    "Mapper",
    "Assembler",
    "Validator",
    "Resolver",
    "Planner",
    "Cache",
    "Client",
    "Handler",
)
VERBS: tuple[str, ...] = (
    "resolve",
    "apply",
    "load",
    "merge",
    "publish",
    "normalize",
    "select",
    "compute",
)
PATHS: tuple[str, ...] = (
    "list",
    "detail",
    "quote",
    "submit",
    "confirm",
    "lookup",
    "sync",
    "status",
)
PEOPLE: tuple[str, ...] = (
    "anna.keller",
    "joao.prado",
    "mei.tanaka",
    "sam.okoro",
    "ines.duarte",
    "raj.mehta",
    "lena.voss",
    "tom.byrne",
)
