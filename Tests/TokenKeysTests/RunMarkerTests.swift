import Foundation
import PKCS11
import TestTokens
import Testing
import TokenKeys

@Suite("A token remembers the authorisations that were used on it", .serialized)
struct RunMarkerTests {
    @Test("A marker is left once, and answers for its own authorisation alone")
    func once() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        let digest = [UInt8](repeating: 7, count: 32)
        #expect(try !RunMarker.exists(authorisation: digest, login: login))
        try RunMarker.leave(run: "run-1", authorisation: digest, login: login)
        try RunMarker.leave(run: "run-1", authorisation: digest, login: login)
        #expect(try RunMarker.exists(authorisation: digest, login: login))
        #expect(try !RunMarker.exists(authorisation: [UInt8](repeating: 8, count: 32), login: login))
        let count = try token.slot.withSession { try $0.find([.objectClass(.data)]).count }
        #expect(count == 1)
    }

    @Test("An insider with the user's PIN can neither change nor destroy it, nor make it destroyable")
    func insider() throws {
        let token = try TestTokens.make()
        let login = try token.slot.login(pin: token.pin)
        let digest = [UInt8](repeating: 7, count: 32)
        try RunMarker.leave(run: "run-1", authorisation: digest, login: login)
        try token.slot.withSession(readWrite: true) { session in
            let marker = try session.findOne([.objectClass(.data)], "marker")
            #expect(throws: PKCS11Error.self) { try session.destroy(marker) }
            for change in [
                Attribute(.value, bytes: [1]), Attribute(.label, "other"), Attribute(.destroyable, true),
                Attribute(.modifiable, true),
            ] {
                #expect(throws: PKCS11Error.self) { try session.set([change], on: marker) }
            }
        }
        #expect(try RunMarker.exists(authorisation: digest, login: login))
    }
}
