import Foundation
import Glibc
import Testing

/// A failure of a token, and what the ceremony says of it.
struct Failure: Sendable, CustomStringConvertible {
    let plan: String
    let code: Int32
    let phrase: String

    var description: String { plan }
}

@Suite("A token that fails leaves a ceremony that can be resumed, and the message says how", .serialized)
struct FailingTokenTests {
    static let failures = [
        Failure(plan: "C_Login:1=return:CKR_PIN_LOCKED", code: 77, phrase: "The PIN is locked"),
        // After C_SetPIN it is tried whether the token takes the new PIN: one that is locked does not say.
        Failure(plan: "C_Login:3=return:CKR_PIN_LOCKED", code: 77, phrase: "The PIN is locked"),
        Failure(plan: "C_Login:4=return:CKR_PIN_LOCKED", code: 77, phrase: "The PIN is locked"),
        Failure(plan: "C_Login:5=return:CKR_PIN_LOCKED", code: 77, phrase: "The PIN is locked"),
        Failure(plan: "C_Login:2=return:CKR_DEVICE_REMOVED", code: 69, phrase: "C_Login: CKR_DEVICE_REMOVED"),
        Failure(plan: "C_SetPIN:1=return:CKR_GENERAL_ERROR", code: 69, phrase: "C_SetPIN: CKR_GENERAL_ERROR"),
        Failure(
            plan: "C_SetPIN:2=return-after:CKR_DEVICE_ERROR", code: 69, phrase: "C_SetPIN: CKR_DEVICE_ERROR"),
        Failure(
            plan: "C_GenerateKeyPair=return-after:CKR_DEVICE_REMOVED", code: 69,
            phrase: "C_GenerateKeyPair: CKR_DEVICE_REMOVED"),
        Failure(
            plan: "C_SignInit:3=return:CKR_SESSION_HANDLE_INVALID", code: 69,
            phrase: "C_SignInit: CKR_SESSION_HANDLE_INVALID"),
        Failure(
            plan: "C_FindObjectsInit:8=return:CKR_DEVICE_ERROR", code: 69,
            phrase: "C_FindObjectsInit: CKR_DEVICE_ERROR"),
        // A token that fails has not refused: the probes want it to.
        Failure(plan: "C_WrapKey=return:CKR_DEVICE_ERROR", code: 69, phrase: "C_WrapKey: CKR_DEVICE_ERROR"),
        Failure(
            plan: "C_CopyObject=return:CKR_DEVICE_REMOVED", code: 69,
            phrase: "C_CopyObject: CKR_DEVICE_REMOVED"),
        Failure(plan: "*:150+=return:CKR_DEVICE_REMOVED", code: 69, phrase: "CKR_DEVICE_REMOVED"),
    ]

    @Test("What failed is named, with the next action")
    func named() {
        Campaign.run("failures", FailingTokenTests.failures) { failure in
            let place = try Place(.root)
            let audit = try Audit(place)
            let outcome = try place.rehearse(.token(failure.plan))
            guard outcome.code == failure.code, outcome.errors.contains(failure.phrase) else {
                return ["exit \(outcome.code): \(outcome.errors)"]
            }
            return try FailingTokenTests.findingsOnceResumed(place, audit, outcome)
        }
    }

    /// Calls whose failure may change nothing of what was asked for: what they give up ends with the session, and
    /// C_GetTokenInfo is asked before C_Login for a name to use in messages.
    private static let passedOver: Set<String> = [
        "C_Logout", "C_CloseSession", "C_Finalize", "C_DestroyObject", "C_GetTokenInfo",
    ]
    private static let values = [
        "CKR_DEVICE_REMOVED", "CKR_SESSION_HANDLE_INVALID", "CKR_GENERAL_ERROR", "CKR_DEVICE_ERROR",
        "CKR_HOST_MEMORY",
    ]

    /// Continuous integration takes every fifth call and all that change state; torture takes every one.
    @Test(
        "A ceremony survives the failure of any call, done or not done",
        arguments: [Ceremony.root, .issuing])
    func anyCall(_ ceremony: Ceremony) throws {
        let calls = try Place(ceremony).measured().calls
        var faults: [(fault: Fault, function: String)] = []
        for (index, call) in calls.enumerated() {
            let value = values(index)
            if call.changesState || index % 5 == 2 || Campaign.isTorture {
                faults.append((.token("*:\(index + 1)=return:\(value)"), call.function))
            }
            if call.changesState {
                faults.append((.token("*:\(index + 1)=return-after:\(value)"), call.function))
            }
        }
        Campaign.run(
            "\(ceremony), a call fails", faults.map { Disturbance(fault: $0.fault, of: $0.function) }
        ) {
            let place = try Place(ceremony)
            let audit = try Audit(place)
            let outcome = try place.rehearse($0.fault)
            if outcome.code == 0 {
                return FailingTokenTests.passedOver.contains($0.of)
                    ? try audit.findings() : ["was passed over"]
            }
            return try FailingTokenTests.findingsOnceResumed(place, audit, outcome)
        }
    }

    private func values(_ index: Int) -> String {
        FailingTokenTests.values[index % FailingTokenTests.values.count]
    }

    @Test("A slow token is waited for")
    func slow() throws {
        let place = try Place(.root)
        let audit = try Audit(place)
        let outcome = try place.rehearse(.token("state=slow:150; C_Login=slow:300"))
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(try audit.findings() == [])
    }

    /// What is not as it should be once the fault is gone.
    static func findingsOnceResumed(_ place: Place, _ audit: Audit, _ outcome: Outcome) throws -> [String] {
        guard FileManager.default.fileExists(atPath: place.transcript) else {
            let anew = try place.rehearse()
            return outcome.errors.contains("Nothing was done") && anew.code == 0
                ? try audit.findings() : ["not begun: \(outcome.errors)\(anew.errors)"]
        }
        var findings: [String] = []
        if !outcome.errors.contains("rootline ceremony resume \(place.ceremony.name) --site \(place.site)") {
            findings.append("no next action: exit \(outcome.code): \(outcome.errors)")
        }
        let resumed = try place.resume()
        if resumed.code != 0 { return findings + ["resumed: exit \(resumed.code): \(resumed.errors)"] }
        return findings + (try audit.findings())
    }
}

/// A fault, and the function that it is of.
private struct Disturbance: Sendable, CustomStringConvertible {
    let fault: Fault
    let of: String

    var description: String { "\(fault) of \(of)" }
}
