import CCryptoki

// Finding, reading, making and destroying objects (PKCS#11 v2.40 §5.7).
extension Session {
    /// Every object that has all of `attributes`; with none, every object that the session may see.
    public func find(_ attributes: [Attribute], limit: Int = .max) throws(PKCS11Error) -> [Object] {
        let template = AttributeTemplate(attributes)
        defer { withExtendedLifetime(template) {} }
        try check(
            functions.pointee.C_FindObjectsInit(handle, template.pointer, UInt(template.count)),
            "C_FindObjectsInit")
        var found: [Object] = []
        var batch = [CK_OBJECT_HANDLE](repeating: 0, count: 64)
        var answer: CK_RV = CKR_OK
        while found.count < limit {
            var count: CK_ULONG = 0
            let wanted = min(batch.count, limit - found.count)
            answer = functions.pointee.C_FindObjects(handle, &batch, UInt(wanted), &count)
            if answer != CKR_OK || count == 0 { break }
            found.append(contentsOf: batch.prefix(Int(count)).map { Object(handle: $0) })
        }
        let end = functions.pointee.C_FindObjectsFinal(handle)
        try check(answer, "C_FindObjects")
        try check(end, "C_FindObjectsFinal")
        return found
    }

    /// The one object that has all of `attributes`; `what` names it in the error.
    public func findOne(_ attributes: [Attribute], _ what: String) throws(PKCS11Error) -> Object {
        let found = try find(attributes, limit: 2)
        guard let object = found.first else {
            throw PKCS11Error(.objectAbsent, subject: "\(what): not on the token")
        }
        if found.count > 1 {
            throw PKCS11Error(.objectAmbiguous, subject: "\(what): more than one on the token")
        }
        return object
    }

    /// One attribute's value; nil where the object has none of that type or does not reveal it.
    public func attribute(_ type: AttributeType, of object: Object) throws(PKCS11Error) -> Attribute? {
        var raw = CK_ATTRIBUTE(type: type.rawValue, pValue: nil, ulValueLen: 0)
        var answer = functions.pointee.C_GetAttributeValue(handle, object.handle, &raw, 1)
        if answer == CKR_ATTRIBUTE_TYPE_INVALID || answer == CKR_ATTRIBUTE_SENSITIVE { return nil }
        try check(answer, "C_GetAttributeValue", "\(type)")
        // CK_UNAVAILABLE_INFORMATION is all ones; no attribute that we read comes near 64 KiB.
        guard raw.ulValueLen <= 65_536 else {
            throw PKCS11Error(.malformedAnswer, subject: "\(type): a value of \(raw.ulValueLen) octets")
        }
        if raw.ulValueLen == 0 { return Attribute(type, bytes: []) }
        var bytes = [UInt8](repeating: 0, count: Int(raw.ulValueLen))
        answer = bytes.withUnsafeMutableBytes { buffer in
            raw.pValue = buffer.baseAddress
            return functions.pointee.C_GetAttributeValue(handle, object.handle, &raw, 1)
        }
        try check(answer, "C_GetAttributeValue", "\(type)")
        return Attribute(type, bytes: Array(bytes.prefix(Int(raw.ulValueLen))))
    }

    /// Reads one attribute into `buffer` in a single call and answers its length in octets.
    @inline(__always)
    public func read(
        _ type: AttributeType, of object: Object, into buffer: UnsafeMutableRawBufferPointer
    ) throws(PKCS11Error) -> Int {
        var raw = CK_ATTRIBUTE(
            type: type.rawValue, pValue: buffer.baseAddress, ulValueLen: UInt(buffer.count))
        try check(
            functions.pointee.C_GetAttributeValue(handle, object.handle, &raw, 1), "C_GetAttributeValue",
            "\(type)")
        guard raw.ulValueLen <= UInt(buffer.count) else {
            throw PKCS11Error(.malformedAnswer, subject: "\(type): longer than its buffer")
        }
        return Int(raw.ulValueLen)
    }

    public func create(_ attributes: [Attribute]) throws(PKCS11Error) -> Object {
        let template = AttributeTemplate(attributes)
        defer { withExtendedLifetime(template) {} }
        var object: CK_OBJECT_HANDLE = 0
        try check(
            functions.pointee.C_CreateObject(handle, template.pointer, UInt(template.count), &object),
            "C_CreateObject")
        return Object(handle: object)
    }

    /// Copies an object, changing what `attributes` say; a token may only make it stricter.
    public func copy(_ object: Object, _ attributes: [Attribute]) throws(PKCS11Error) -> Object {
        let template = AttributeTemplate(attributes)
        defer { withExtendedLifetime(template) {} }
        var copy: CK_OBJECT_HANDLE = 0
        try check(
            functions.pointee.C_CopyObject(
                handle, object.handle, template.pointer, UInt(template.count), &copy), "C_CopyObject")
        return Object(handle: copy)
    }

    public func set(_ attributes: [Attribute], on object: Object) throws(PKCS11Error) {
        let template = AttributeTemplate(attributes)
        defer { withExtendedLifetime(template) {} }
        try check(
            functions.pointee.C_SetAttributeValue(
                handle, object.handle, template.pointer, UInt(template.count)), "C_SetAttributeValue")
    }

    @inline(__always)
    public func destroy(_ object: Object) throws(PKCS11Error) {
        try check(functions.pointee.C_DestroyObject(handle, object.handle), "C_DestroyObject")
    }
}
