import CCryptoki
import Glibc

/// A template for objects that differ in one secret alone: their `CKA_VALUE`, whose octets stand in page-locked memory.
///
/// An ``AttributeTemplate`` keeps its values where any array is; this one's can be overwritten for every object, and is
/// zeroed when it goes. One caller at a time.
public final class SecretTemplate {
    private let others: AttributeTemplate
    private let attributes: UnsafeMutableBufferPointer<CK_ATTRIBUTE>
    private let memory: UnsafeMutableRawPointer
    private let capacity: Int
    /// The secret; whoever writes it calls ``wipe()`` when the object is made.
    public let secret: UnsafeMutableRawBufferPointer

    /// `list` is all that the objects have in common; the secret has always so many octets.
    public init(_ list: [Attribute], octets: Int) {
        others = AttributeTemplate(list)
        // Whole pages: locking is by page, and unlocking one secret must not unlock its neighbour.
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        capacity = max(1, (octets + page - 1) / page) * page
        memory = .allocate(byteCount: capacity, alignment: page)
        _ = mlock(memory, capacity)
        madvise(memory, capacity, MADV_DONTDUMP)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: capacity)
        secret = UnsafeMutableRawBufferPointer(start: memory, count: octets)
        attributes = .allocate(capacity: list.count + 1)
        for index in list.indices { attributes.initializeElement(at: index, to: others.attributes[index]) }
        attributes.initializeElement(
            at: list.count,
            to: CK_ATTRIBUTE(type: AttributeType.value.rawValue, pValue: memory, ulValueLen: UInt(octets)))
    }

    deinit {
        explicit_bzero(memory, capacity)
        munlock(memory, capacity)
        // The pages go back to the heap, where others may want them in a core file.
        madvise(memory, capacity, MADV_DODUMP)
        memory.deallocate()
        attributes.deallocate()
    }

    /// Zeroes the secret.
    public func wipe() { explicit_bzero(memory, secret.count) }

    var pointer: UnsafeMutablePointer<CK_ATTRIBUTE>? { attributes.baseAddress }
    var count: Int { attributes.count }
}

extension Session {
    /// Makes an object of the template with the secret that stands in it now (`C_CreateObject`).
    @inline(__always)
    public func create(_ template: SecretTemplate) throws(PKCS11Error) -> Object {
        var object: CK_OBJECT_HANDLE = 0
        let answer = functions.pointee.C_CreateObject(
            handle, template.pointer, UInt(template.count), &object)
        try check(answer, "C_CreateObject")
        return Object(handle: object)
    }
}
