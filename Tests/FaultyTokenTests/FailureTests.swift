import FaultyToken
import Foundation
import PKCS11
import Synchronization
import TestTokens
import Testing

extension TokenTests {
    @Suite("Failures come when the plan says, and calls are counted and logged", .serialized)
    struct FailureTests {
        @Test(
            "A function answers an error without doing its work, or after doing it",
            arguments: [
                "CKR_DEVICE_REMOVED", "CKR_SESSION_HANDLE_INVALID", "CKR_PIN_LOCKED", "CKR_GENERAL_ERROR",
                "CKR_DEVICE_ERROR",
            ])
        func errors(_ name: String) throws {
            try withFaultySession { session in
                for (action, made) in [("return", 0), ("return-after", 2)] {
                    let error = #expect(throws: PKCS11Error.self) {
                        try following("C_GenerateKeyPair=\(action):\(name)") {
                            _ = try session.makeKeyPair(action, token: true)
                        }
                    }
                    #expect(error?.returnValue?.description == name)
                    #expect(error?.function == "C_GenerateKeyPair")
                    let found = try session.find([Attribute(.label, action)])
                    #expect(found.count == made)
                }
            }
        }

        @Test("A vendor's own value is answered by its number")
        func vendorValue() throws {
            try withFaultySession { session in
                let error = #expect(throws: PKCS11Error.self) {
                    try following("C_GenerateRandom=return:0x80000042") { try session.random(count: 4) }
                }
                #expect(error?.returnValue?.description == "CKR_VENDOR_DEFINED|0x42")
            }
        }

        @Test(
            "N is the n-th call and no other, N+ that and all after it, and without N every call",
            arguments: [
                ("C_GenerateRandom:2", [true, false, true, true]),
                ("C_GenerateRandom:2+", [true, false, false, false]),
                ("C_GenerateRandom", [false, false, false, false]), ("*:3", [true, true, false, true]),
                ("state", [true, true, true, true]), ("C_Sign", [true, true, true, true]),
            ])
        func counting(_ which: String, _ worked: [Bool]) throws {
            try withFaultySession { session in
                let answers = try following("\(which)=return:CKR_DEVICE_ERROR") {
                    worked.map { _ in (try? session.random(count: 1)) != nil }
                }
                #expect(answers == worked)
            }
        }

        @Test("A slow call takes the plan's milliseconds at least, and then works")
        func slow() throws {
            try withFaultySession { session in
                let start = ContinuousClock.now
                try following("C_GenerateRandom:1=slow:60") { _ = try session.random(count: 1) }
                #expect(ContinuousClock.now - start >= .milliseconds(60))
            }
        }

        @Test("Calls from many threads are each counted once")
        func threads() throws {
            let token = try TestTokens.make()
            let slot = try FaultyModule.slot(of: token)
            let failures = try following("C_GetTokenInfo:100=return:CKR_DEVICE_ERROR") {
                let counter = Counter()
                DispatchQueue.concurrentPerform(iterations: 200) { _ in
                    if (try? slot.tokenInfo()) == nil { counter.add() }
                }
                return counter.value
            }
            #expect(failures == 1)
        }

        @Test(
            "A malformed plan is refused, so that no test passes by a misspelling",
            arguments: [
                "C_Sign", "C_Sing=kill-before", "C_Sign:0=kill-before", "C_Sign:x=kill-before",
                "C_Sign:2-=kill-before", "C_Sign=kill", "C_Sign=kill-before:1", "C_Sign=return",
                "C_Sign=return:CKR_NO_SUCH", "C_Sign=slow:long", "C_Sign=lie:extractable", "C_Sign=lie:much",
                "state=lie:bad-signature", "C_GetFunctionList=kill-before",
            ])
        func malformed(_ plan: String) throws {
            _ = try FaultyModule.loaded.get()
            #expect(throws: FaultyTokenError.self) { try FaultyToken.configure(plan: plan) }
            let token = try TestTokens.make()
            let child = try obey([], on: token, plan: plan)
            #expect(child.code == 2)
            #expect(child.errors.contains("the rule `\(plan)` "), "\(child.errors)")
        }

        @Test("The log has a line for each call, in order, which says whether it changes state")
        func log() throws {
            let scratch = try ScratchFolder()
            let token = try TestTokens.make()
            let path = scratch.path + "/calls"
            let child = try tokenProgram(["pair:logged", "sign:logged"], on: token, plan: "", log: path)
            #expect(child.wait().code == 0)
            let calls = try FaultyToken.calls(log: path)
            #expect(calls.map(\.number) == Array(1...calls.count))
            #expect(Set(calls.map(\.process)) == [child.identifier])
            #expect(calls.first?.function == "C_Initialize" && calls.last?.function == "C_Finalize")
            #expect(
                calls.filter(\.changesState).map(\.function) == ["C_GenerateKeyPair", "C_SignInit", "C_Sign"])
            #expect(calls.contains { $0.function == "C_Login" && !$0.changesState })
        }
    }
}

private final class Counter: Sendable {
    private let count = Mutex(0)
    func add() { count.withLock { $0 += 1 } }
    var value: Int { count.withLock { $0 } }
}
