#if LIBFUZZER
    import AllowlistFuzzing
    import Foundation

    /// The parser that `FUZZ_TARGET` names; `list` prints the names.
    private let target: FuzzTarget = {
        let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"]
        if name == "list" {
            print(FuzzTarget.all.map(\.name).joined(separator: "\n"))
            exit(0)
        }
        guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
            print("FUZZ_TARGET is none of \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
            exit(64)
        }
        return target
    }()

    /// libFuzzer's entry. A broken property ends the process, which libFuzzer reports with the input.
    @_cdecl("LLVMFuzzerTestOneInput")
    public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        let input = Array(UnsafeBufferPointer(start: start, count: count))
        guard input.count <= target.maximumLength else { return -1 }
        do throws(BrokenProperty) {
            _ = try target.check(input)
        } catch {
            FileHandle.standardError.write(Data("broken property: \(error)\n".utf8))
            abort()
        }
        return 0
    }

    /// libFuzzer's set-up; it writes the target's seeds and corpus to the folder that `FUZZ_SEEDS` names.
    @_cdecl("LLVMFuzzerInitialize")
    public func initialise(
        _ count: UnsafeMutablePointer<CInt>?, _ arguments: UnsafeMutableRawPointer?
    ) -> CInt {
        AddressSpace.limit()
        let target = target
        if let folder = ProcessInfo.processInfo.environment["FUZZ_SEEDS"] {
            let kept = (try? Corpus.inputs(of: target.name)) ?? []
            for (number, seed) in (target.seeds() + kept).enumerated() {
                _ = FileManager.default.createFile(
                    atPath: "\(folder)/seed-\(number)", contents: Data(seed))
            }
        }
        return 0
    }
#endif
