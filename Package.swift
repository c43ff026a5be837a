// swift-tools-version: 6.2
import PackageDescription

/// Warnings are errors where a machine decides, so that a newer compiler's new
/// warning never keeps a customer from building.
let isCI = Context.environment["CI"] != nil

let swiftSettings: [SwiftSetting] =
    [.enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("ExistentialAny")]
    + (isCI ? [.treatAllWarnings(as: .error)] : [])

func library(
    _ name: String, _ dependencies: [Target.Dependency] = [], excluding exclude: [String] = []
) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swiftSettings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: swiftSettings)
}

let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
// The system's SQLite without a wrapper, as a yardstick.
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "rootline",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Allowlist", targets: ["Allowlist"]),
        .library(name: "rootline_allowlist", type: .dynamic, targets: ["AllowlistC"]),
        .executable(name: "rootline", targets: ["rootline"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.3.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.10.0"),
        .package(url: "https://github.com/apple/swift-crypto", "4.0.0"..<"5.0.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.0.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    ],
    targets: [
        // The system's libraries, as they are.
        .systemLibrary(
            name: "CCryptoki", pkgConfig: "p11-kit-1", providers: [.apt(["libp11-kit-dev"])]),
        .systemLibrary(name: "CLibP11", pkgConfig: "libp11", providers: [.apt(["libp11-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

        // Arrows point down only: each line may use the lines above it.
        library("StrictYAML", [yams]),
        library("CanonicalJSON"),
        library("PrintedHTML"),
        library("RunTelemetry", [logging]),
        library("RunReporting", ["PrintedHTML", "RunTelemetry"]),
        library("PKCS11", ["CCryptoki"]),
        library("Certificates", ["StrictYAML", x509, asn1, crypto, cryptoExtras]),
        library("SecretSharing", ["COpenSSL"]),
        library("TokenKeys", ["PKCS11", "SecretSharing", "CLibP11", "COpenSSL", x509, asn1, crypto]),
        library("SignedStatements", ["CanonicalJSON", asn1, crypto]),
        library("Manifests", ["StrictYAML", "CanonicalJSON", crypto]),
        library("RunLedger", [grdb, crypto]),
        library("CBOR"),
        library("TransparencyLog", [crypto]),
        library(
            "Allowlist",
            ["TransparencyLog", "SignedStatements", "CanonicalJSON", "CBOR", asn1, crypto],
            excluding: ["README.md"]),
        // The same for C: the header, and the functions that it declares.
        .target(name: "CAllowlist"),
        library(
            "AllowlistC", ["CAllowlist", "Allowlist", "TransparencyLog"],
            excluding: ["exports.map", "link.sh"]),
        library("AllowlistPublication", ["Allowlist", "TransparencyLog", "CBOR"]),
        library(
            "Rosters",
            [
                "SignedStatements", "StrictYAML", "CanonicalJSON", "PKCS11", "TokenKeys",
                "SecretSharing", crypto,
            ]),
        library(
            "Sites",
            [
                "PKCS11", "TokenKeys", "Rosters", "SignedStatements", "SecretSharing", "CanonicalJSON",
                crypto,
                yams,
            ]),
        library(
            "Approvals",
            ["Sites", "Rosters", "SignedStatements", "TokenKeys", "Certificates", "PKCS11", crypto]),
        library(
            "ProductionRun",
            [
                "Approvals", "Rosters", "SignedStatements", "Sites", "PKCS11", "TokenKeys", "Certificates",
                "Manifests",
                "RunLedger",
                "TransparencyLog", "Allowlist", "AllowlistPublication", "RunTelemetry", "RunReporting",
                crypto,
                logging,
            ]),
        library(
            "KeyCeremony",
            [
                "Sites", "Rosters", "SignedStatements", "SecretSharing", "PKCS11", "TokenKeys",
                "Certificates", "StrictYAML", "CanonicalJSON", "PrintedHTML", x509, asn1, crypto,
            ]),
        .executableTarget(
            name: "rootline",
            dependencies: [
                "Approvals", "Sites", "PKCS11", "TokenKeys", "Certificates", "Manifests", "RunLedger",
                "Allowlist", "ProductionRun", "KeyCeremony", "Rosters", "SignedStatements", "SecretSharing",
                "CanonicalJSON", "RunTelemetry", "RunReporting", argumentParser, logging,
            ],
            swiftSettings: swiftSettings),
        // What `make bench` measures against: the same PKCS#11 calls and nothing else.
        .executableTarget(name: "bare-loop", dependencies: ["CCryptoki", "COpenSSL"]),
        .executableTarget(
            name: "rootline-bench",
            dependencies: [
                "Allowlist", "AllowlistPublication", "TransparencyLog", "FaultyToken", crypto, sqlite,
            ],
            exclude: ["Peers"],
            swiftSettings: swiftSettings),

        // Tests. TestTokens gives them SoftHSM tokens of their own, FaultyToken tokens and disks that fail: C,
        // which the tests themselves compile.
        .target(
            name: "TestTokens", dependencies: ["PKCS11"], path: "Tests/TestTokens",
            swiftSettings: swiftSettings),
        .target(
            name: "FaultyToken", path: "Tests/FaultyToken",
            exclude: [
                "faulty-token.c", "faulty-token-plan.c", "faulty-token-lies.c", "faulty-token.h",
                "faulty-token-functions.inc", "faulty-files.c", "site-files.c", "site-files-plan.c",
                "site-files.h",
                "stepping-clock.c",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "FaultyTokenTests", dependencies: ["FaultyToken", "PKCS11", "TestTokens", crypto],
            exclude: ["Programs"], swiftSettings: swiftSettings),
        tests("StrictYAMLTests", ["StrictYAML"]),
        tests("CanonicalJSONTests", ["CanonicalJSON"]),
        tests("RunTelemetryTests", ["RunTelemetry", logging]),
        tests("RunReportingTests", ["RunReporting", "RunTelemetry"]),
        tests("PKCS11Tests", ["PKCS11", "TestTokens"]),
        tests(
            "TokenKeysTests",
            [
                "TokenKeys", "SecretSharing", "Certificates", "PKCS11", "TestTokens", "Allowlist", x509, asn1,
                crypto,
            ]),
        tests("SecretSharingTests", ["SecretSharing"], resources: [.copy("Vectors")]),
        tests("RunLedgerTests", ["RunLedger", grdb]),
        tests("CBORTests", ["CBOR"]),
        .testTarget(
            name: "TransparencyLogTests", dependencies: ["TransparencyLog", crypto], exclude: ["Programs"],
            resources: [.copy("Vectors")], swiftSettings: swiftSettings),
        tests("AllowlistTests", ["Allowlist", "TransparencyLog", "CBOR", crypto]),
        tests(
            "AllowlistPublicationTests",
            [
                "AllowlistPublication", "Allowlist", "SignedStatements", "TransparencyLog", "CBOR", asn1,
                crypto,
            ]),
        // Vectors for every implementation of the format; RECORD_VECTORS=1 makes them anew.
        .testTarget(
            name: "AllowlistSpecificationTests",
            dependencies: ["Allowlist", "SignedStatements", "TransparencyLog", asn1, crypto],
            path: "Tests/AllowlistSpecification", exclude: ["README.md", "vectors", "verifier"],
            swiftSettings: swiftSettings),
        // A consumer of the library as its README shows it, so that it compiles.
        .executableTarget(
            name: "example-consumer", dependencies: ["Allowlist"], path: "Tests/ExampleConsumer",
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ConsumerTests",
            dependencies: ["Allowlist", "AllowlistPublication", "TransparencyLog", crypto],
            exclude: ["Programs"], swiftSettings: swiftSettings),
        // What must hold for every input of a consumer's parsers; libFuzzer and a seeded run share it.
        .target(
            name: "AllowlistFuzzing",
            dependencies: [
                "Allowlist", "TransparencyLog", "CBOR", "SignedStatements", "CanonicalJSON", crypto,
            ],
            path: "Tests/AllowlistFuzzing", exclude: ["Corpus"], swiftSettings: swiftSettings),
        .executableTarget(
            name: "allowlist-fuzz", dependencies: ["AllowlistFuzzing"], path: "Tests/AllowlistFuzz",
            swiftSettings: swiftSettings),
        tests("AllowlistFuzzingTests", ["AllowlistFuzzing"]),
        tests("CertificatesTests", ["Certificates", x509, asn1, crypto, cryptoExtras, yams]),
        tests("ManifestsTests", ["Manifests", crypto]),
        tests("SignedStatementsTests", ["SignedStatements", asn1, crypto]),
        tests(
            "KeyCeremonyTests",
            [
                "KeyCeremony", "Sites", "Rosters", "SignedStatements", "SecretSharing", "CanonicalJSON",
                "PKCS11", "TokenKeys", "Certificates", "TestTokens", "Approvals", "ProductionRun",
                "Manifests", crypto,
            ]),
        tests(
            "ApprovalsTests",
            [
                "Approvals", "Rosters", "SignedStatements", "Sites", "TokenKeys", "PKCS11", "TestTokens",
                asn1,
                crypto,
            ]),
        .testTarget(
            name: "CeremonyFaultTests", dependencies: ["FaultyToken"], exclude: ["Programs"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "RunFaultTests", dependencies: ["FaultyToken"], exclude: ["Programs"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "CommandLineTests",
            dependencies: [grdb, crypto, "Certificates", "RunLedger", "FaultyToken"],
            exclude: ["Scripts", "Tools"],
            swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6],
    cLanguageStandard: .gnu11
)
