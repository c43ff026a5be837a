import Foundation

/// `example-consumer LIST ORIGIN LOG-KEY.pem SERIAL KEY.der`: exits with 0 if the device may join.
@main
struct ExampleConsumer {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count == 5, case let arguments = Array(arguments) else {
            print("usage: example-consumer LIST ORIGIN LOG-KEY.pem SERIAL KEY.der")
            exit(64)
        }
        do {
            let check = try OnboardingCheck(
                list: arguments[0], origin: arguments[1],
                logKeyPEM: String(contentsOfFile: arguments[2], encoding: .utf8))
            let key = try Data(contentsOf: URL(filePath: arguments[4]))
            if let reason = try check.refusal(serial: arguments[3], publicKey: Array(key)) {
                print("refused: \(reason)")
                exit(1)
            }
            print("welcome")
        } catch {
            print("refused: \(error)")
            exit(1)
        }
    }
}
