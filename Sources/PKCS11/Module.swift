import CCryptoki
import Foundation
import Synchronization

/// A PKCS#11 module (a shared library), loaded and initialised.
///
/// A process initialises a module once: loading the same path again answers the same `Module`
/// while one is alive. It is finalised when the last reference goes.
public final class Module: Sendable {
    /// How the module may expect to be called (PKCS#11 v2.40 §5.4, `C_Initialize`).
    public enum Threading: Sendable {
        /// From several threads: the module locks with the operating system's primitives.
        case manyThreads
        /// From one thread alone: the module may leave its locks out, which some do faster.
        case oneThread
    }

    public let path: String
    /// The manufacturer, description and version that the module gives of itself.
    public let info: ModuleInfo
    // The list is constant memory of the loaded library, which stays mapped for the life of the process.
    nonisolated(unsafe) let functions: UnsafePointer<CK_FUNCTION_LIST>

    private struct WeakModule: Sendable {
        weak var module: Module?
    }
    private static let loaded = Mutex<[String: WeakModule]>([:])
    /// Where tokens were found last, by selector.
    private let places = Mutex<[String: UInt]>([:])

    /// Loads and initialises the module at `path`.
    ///
    /// `parameters` is the text some modules want in `C_Initialize`'s reserved argument, as NSS softokn
    /// does (`configdir='…' flags=noModDB`); nil for all others.
    public static func load(
        path: String, threading: Threading = .manyThreads, parameters: String? = nil
    ) throws(PKCS11Error) -> Module {
        let result = loaded.withLock { (modules) -> Result<Module, PKCS11Error> in
            if let module = modules[path]?.module { return .success(module) }
            do throws(PKCS11Error) {
                let module = try Module(path: path, threading: threading, parameters: parameters)
                modules[path] = WeakModule(module: module)
                return .success(module)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private init(path: String, threading: Threading, parameters: String?) throws(PKCS11Error) {
        guard FileManager.default.fileExists(atPath: path) else {
            throw PKCS11Error(
                .moduleMissing, subject: "\(path): no such PKCS#11 module",
                hint: "Correct `module` in site.yaml, or install the HSM's software.")
        }
        guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw PKCS11Error(
                .notPKCS11,
                subject: "\(path): \(dlerror().map { String(cString: $0) } ?? "cannot be loaded")",
                hint: "Name the vendor's PKCS#11 library (.so).")
        }
        guard let symbol = dlsym(library, "C_GetFunctionList") else {
            dlclose(library)
            throw PKCS11Error(
                .notPKCS11, subject: "\(path): exports no C_GetFunctionList",
                hint: "Name the vendor's PKCS#11 library, not one that it depends on.")
        }
        typealias GetFunctionList =
            @convention(c) (
                UnsafeMutablePointer<UnsafeMutablePointer<CK_FUNCTION_LIST>?>
            ) -> CK_RV
        let getFunctionList = unsafeBitCast(symbol, to: GetFunctionList.self)
        var list: UnsafeMutablePointer<CK_FUNCTION_LIST>?
        let answer = getFunctionList(&list)
        guard answer == CKR_OK, let list else {
            throw PKCS11Error(
                .notPKCS11, subject: path, function: "C_GetFunctionList",
                returnValue: ReturnValue(rawValue: answer))
        }
        self.path = path
        functions = UnsafePointer(list)
        try Module.initialize(functions, path: path, threading: threading, parameters: parameters)
        var raw = CK_INFO()
        try check(functions.pointee.C_GetInfo(&raw), "C_GetInfo", path)
        info = ModuleInfo(raw)
    }

    private static func initialize(
        _ functions: UnsafePointer<CK_FUNCTION_LIST>, path: String, threading: Threading, parameters: String?
    ) throws(PKCS11Error) {
        // One pointer more than the standard's structure, zeroed: NSS reads a further field behind it.
        let size = MemoryLayout<CK_C_INITIALIZE_ARGS>.size + MemoryLayout<UInt>.size
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        defer { memory.deallocate() }
        let arguments = memory.assumingMemoryBound(to: CK_C_INITIALIZE_ARGS.self)
        if threading == .manyThreads { arguments.pointee.flags = CKF_OS_LOCKING_OK }
        let text = parameters.map { strdup($0) } ?? nil
        defer { free(text) }
        arguments.pointee.pReserved = text.map { UnsafeMutableRawPointer($0) }
        let answer: CK_RV
        if threading == .oneThread && parameters == nil {
            answer = functions.pointee.C_Initialize(nil)
        } else {
            answer = functions.pointee.C_Initialize(memory)
        }
        // libp11 may have initialised the same library in this process; it is one application to the token.
        if answer != CKR_CRYPTOKI_ALREADY_INITIALIZED {
            try check(answer, "C_Initialize", path)
        }
    }

    deinit {
        _ = functions.pointee.C_Finalize(nil)
    }

    /// The module's slots, in its own order; by default those that hold a token.
    public func slots(withTokenOnly: Bool = true) throws(PKCS11Error) -> [Slot] {
        let present: CK_BBOOL = withTokenOnly ? 1 : 0
        // A slot may appear between asking for the count and for the list.
        for _ in 0..<4 {
            var count: CK_ULONG = 0
            try check(functions.pointee.C_GetSlotList(present, nil, &count), "C_GetSlotList", path)
            if count == 0 { return [] }
            var ids = [CK_SLOT_ID](repeating: 0, count: Int(count))
            let answer = functions.pointee.C_GetSlotList(present, &ids, &count)
            if answer == CKR_BUFFER_TOO_SMALL { continue }
            try check(answer, "C_GetSlotList", path)
            return ids.prefix(Int(count)).map { Slot(module: self, id: $0) }
        }
        throw PKCS11Error(.malformedAnswer, subject: "\(path): the list of slots keeps growing")
    }

    /// The one slot whose token answers to `selector`.
    ///
    /// Asking every token of a large HSM takes long, so a token is looked for first where it was found last.
    public func slot(_ selector: TokenSelector) throws(PKCS11Error) -> Slot {
        let name = selector.description
        if let id = places.withLock({ $0[name] }) {
            let slot = Slot(module: self, id: id)
            if let token = try? slot.tokenInfo(), token.isInitialized, selector.matches(token) { return slot }
        }
        let slot = try searchedSlot(selector)
        places.withLock { $0[name] = slot.id }
        return slot
    }

    private func searchedSlot(_ selector: TokenSelector) throws(PKCS11Error) -> Slot {
        var found: [Slot] = []
        var seen: [String] = []
        var failure: PKCS11Error?
        for slot in try slots() {
            let token: TokenInfo
            do throws(PKCS11Error) {
                token = try slot.tokenInfo()
            } catch {
                // A broken token in one reader keeps nobody from another; it is told where the right one is not found.
                failure = error
                continue
            }
            if !token.isInitialized { continue }
            seen.append("\(token.label) (serial \(token.serial))")
            if selector.matches(token) { found.append(slot) }
        }
        guard let slot = found.first else {
            if let failure { throw failure }
            throw PKCS11Error(
                .tokenAbsent, subject: "\(selector): no such token in \(path)",
                hint: seen.isEmpty
                    ? "The module shows no initialised token."
                    : "The module shows: \(seen.joined(separator: ", ")).")
        }
        if found.count > 1 {
            throw PKCS11Error(
                .tokenAmbiguous, subject: "\(selector): \(found.count) tokens in \(path)",
                hint: "Select it by serial and label.")
        }
        return slot
    }
}

/// What a module says of itself (`CK_INFO`).
public struct ModuleInfo: Sendable {
    public let manufacturer: String
    public let description: String
    /// The library's version, e.g. `2.6`.
    public let version: String
    /// The version of the standard that it follows, e.g. `2.40`.
    public let cryptokiVersion: String

    init(_ raw: CK_INFO) {
        manufacturer = padded(raw.manufacturerID)
        description = padded(raw.libraryDescription)
        version = "\(raw.libraryVersion.major).\(raw.libraryVersion.minor)"
        cryptokiVersion = "\(raw.cryptokiVersion.major).\(raw.cryptokiVersion.minor)"
    }
}

/// The text of one of the standard's blank-padded fields, which have no terminating zero.
func padded<T>(_ field: T) -> String {
    withUnsafeBytes(of: field) { bytes in
        var end = bytes.count
        while end > 0, bytes[end - 1] == 0x20 || bytes[end - 1] == 0 { end -= 1 }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}
