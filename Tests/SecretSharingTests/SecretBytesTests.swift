import Foundation
import Testing

@testable import SecretSharing

@Suite("Secrets in memory")
struct SecretBytesTests {
    @Test("The array that a secret is made of is zeroed")
    func consuming() {
        var bytes: [UInt8] = [1, 2, 3]
        let secret = SecretBytes(consuming: &bytes)
        #expect(bytes == [0, 0, 0])
        #expect(secret.octets == [1, 2, 3] && secret.count == 3)
    }

    @Test("Secrets are equal if and only if all octets are")
    func equality() {
        #expect(SecretBytes(octets: [1, 2]) == SecretBytes(octets: [1, 2]))
        #expect(SecretBytes(octets: [1, 2]) != SecretBytes(octets: [1, 3]))
        #expect(SecretBytes(octets: [1, 2]) != SecretBytes(octets: [0, 2]))
        #expect(SecretBytes(octets: [1, 2]) != SecretBytes(octets: [1, 2, 0]))
        #expect(SecretBytes(octets: []) == SecretBytes(octets: []))
    }

    @Test("Random secrets have their length and differ")
    func random() throws {
        let first = try SecretBytes.random(count: 32)
        #expect(first.count == 32)
        #expect(try first != SecretBytes.random(count: 32))
        #expect(try SecretBytes.random(count: 0).count == 0)
    }

    @Test("A secret's pages are locked, left out of core files, and its own")
    func pages() throws {
        let secret = try SecretBytes.random(count: 5000)
        try #require(secret.isLocked)
        let flags = try secret.withBytes { bytes in
            try Self.mappingFlags(at: UInt(bitPattern: bytes.baseAddress))
        }
        #expect(flags.contains("lo") && flags.contains("dd"), "\(flags)")
        let address = secret.withBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(address % UInt(sysconf(Int32(_SC_PAGESIZE))) == 0)
    }

    /// `VmFlags` of the mapping that holds the address (proc(5), `/proc/PID/smaps`).
    static func mappingFlags(at address: UInt) throws -> [String] {
        // Line by line: where there are many mappings, Foundation takes the first short read for the end.
        let file = try #require(fopen("/proc/self/smaps", "r"))
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 4096)
        var isInside = false
        while fgets(&line, Int32(line.count), file) != nil {
            let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self).split(
                whereSeparator: \.isWhitespace)
            let range = (words.first ?? "").split(separator: "-").compactMap { UInt($0, radix: 16) }
            if range.count == 2 { isInside = (range[0]..<range[1]).contains(address) }
            if isInside, words.first == "VmFlags:" { return words.dropFirst().map(String.init) }
        }
        return []
    }

    @Test("A secret's memory is zeroed when it goes")
    func zeroed() throws {
        // The kernel reads the freed memory: the language must not.
        let memory = open("/proc/self/mem", O_RDONLY)
        try #require(memory >= 0)
        defer { close(memory) }
        let pattern: UInt8 = 0xA5
        func octetsLeft(at address: Int) -> Int {
            var seen = [UInt8](repeating: 0, count: 4000)
            return pread(memory, &seen, seen.count, address) > 0 ? seen.count { $0 == pattern } : 0
        }
        var address = 0
        do {
            let secret = SecretBytes(count: 4000) { $0.initializeMemory(as: UInt8.self, repeating: pattern) }
            address = secret.withBytes { Int(bitPattern: $0.baseAddress) }
            withExtendedLifetime(secret) { #expect(octetsLeft(at: address) == 4000) }
        }
        // Other tests may have the memory by now, and random octets in it.
        #expect(octetsLeft(at: address) < 100)
    }

    @Test("What a closure throws while it fills a secret comes out")
    func fillThrows() {
        let error = refusal {
            try SecretBytes(count: 4) { (_) throws(SecretSharingError) in
                throw SecretSharingError(.libraryFailed, "test", "no octets")
            }
        }
        #expect(error?.code == .libraryFailed)
    }
}
