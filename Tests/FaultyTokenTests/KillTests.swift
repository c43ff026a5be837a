import FaultyToken
import Foundation
import Glibc
import TestTokens
import Testing

extension TokenTests {
    @Suite("A process dies or stops at the call that the plan names", .serialized)
    struct KillTests {
        /// What a process without faults finds of a label.
        private func keys(_ label: String, on token: TestTokens.Token) throws -> String? {
            let ending = try obey(["count:\(label)"], on: token, plan: nil)
            #expect(ending.code == 0, "\(ending.errors)")
            return ending.lines.first
        }

        @Test("Killed before the call: the token has not been asked, and the log ends with the call")
        func before() throws {
            let scratch = try ScratchFolder()
            let token = try TestTokens.make()
            let log = scratch.path + "/calls"
            let ending = try obey(
                ["pair:a", "pair:b"], on: token, plan: "C_GenerateKeyPair:2=kill-before", log: log)
            #expect(ending.code == Child.killed)
            #expect(ending.lines == ["pair:a 0x0"])
            #expect(try keys("a", on: token) == "public 1 private 1")
            #expect(try keys("b", on: token) == "public 0 private 0")
            #expect(try FaultyToken.calls(log: log).last?.function == "C_GenerateKeyPair")
        }

        @Test("Killed after the call: the token has done the work, and nobody heard of it")
        func after() throws {
            let token = try TestTokens.make()
            let ending = try obey(["pair:a"], on: token, plan: "C_GenerateKeyPair=kill-after")
            #expect(ending.code == Child.killed)
            #expect(ending.output == "")
            #expect(try keys("a", on: token) == "public 1 private 1")
        }

        @Test("Killed with a key pair half written")
        func halfWritten() throws {
            let token = try TestTokens.make()
            let ending = try obey(
                ["pair:a"], on: token,
                plan: "C_GenerateKeyPair=lie:missing-private; C_GenerateKeyPair=kill-after")
            #expect(ending.code == Child.killed)
            #expect(try keys("a", on: token) == "public 1 private 0")
        }

        @Test(
            "`state` counts the state-changing calls of all functions together",
            arguments: [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3)])
        func state(_ number: Int, commandsDone: Int) throws {
            // C_GenerateKeyPair; C_SignInit, C_Sign; C_DestroyObject twice.
            let commands = ["pair:a", "sign:a", "destroy:a"]
            let answers = ["pair:a 0x0", "sign:a 0x0", "destroy:a 0x0"]
            let token = try TestTokens.make()
            let ending = try obey(commands, on: token, plan: "state:\(number)=kill-before")
            #expect(ending.lines == Array(answers.prefix(commandsDone)))
            #expect(ending.code == (number <= 5 ? Child.killed : 0))
        }

        @Test("Stopped before the call, it waits for SIGCONT and then goes on")
        func stopped() throws {
            let token = try TestTokens.make()
            let child = try tokenProgram(["pair:a"], on: token, plan: "C_GenerateKeyPair=stop-before")
            #expect(child.isStopped())
            #expect(try keys("a", on: token) == "public 0 private 0")
            kill(child.identifier, SIGCONT)
            let ending = child.wait()
            #expect(ending.code == 0)
            #expect(ending.lines == ["pair:a 0x0"])
        }

        @Test("A device removed at some call stays removed where the plan says so")
        func removed() throws {
            let token = try TestTokens.make()
            let ending = try obey(
                ["pair:a", "sign:a", "sign:a", "sign:a"], on: token,
                plan: "C_SignInit:2+=return:CKR_DEVICE_REMOVED")
            #expect(ending.lines == ["pair:a 0x0", "sign:a 0x0", "sign:a 0x32", "sign:a 0x32"])
        }

        @Test("A real module that is absent, or none named, is said on standard error")
        func noRealModule() throws {
            let module = try FaultyToken.module()
            for path in ["/nonexistent/module.so", module] {
                let ending = try Child(
                    "token-program", [module, "any", "1234"],
                    environment: ["FAULTY_TOKEN_MODULE": path, "FAULTY_TOKEN_PLAN": ""]
                ).wait()
                #expect(ending.code == 2)
                #expect(ending.errors.hasPrefix("faulty-token: "), "\(ending.errors)")
            }
        }
    }
}
