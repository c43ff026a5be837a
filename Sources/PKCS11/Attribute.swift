import CCryptoki

/// One attribute of an object, with its value's bytes (PKCS#11 v2.40 §4).
public struct Attribute: Sendable, Hashable {
    public let type: AttributeType
    public let value: [UInt8]

    public init(_ type: AttributeType, bytes: [UInt8]) {
        self.type = type
        value = bytes
    }

    public init(_ type: AttributeType, _ flag: Bool) {
        self.init(type, bytes: [flag ? 1 : 0])
    }

    public init(_ type: AttributeType, _ number: UInt) {
        self.init(type, bytes: withUnsafeBytes(of: number) { Array($0) })
    }

    public init(_ type: AttributeType, _ text: String) {
        self.init(type, bytes: Array(text.utf8))
    }

    /// The value as a `CK_BBOOL`; nil where it has another size.
    public var flag: Bool? { value.count == 1 ? value[0] != 0 : nil }

    /// The value as a `CK_ULONG`; nil where it has another size.
    public var number: UInt? {
        guard value.count == MemoryLayout<UInt>.size else { return nil }
        return value.withUnsafeBytes { $0.loadUnaligned(as: UInt.self) }
    }

    public var text: String { String(decoding: value, as: UTF8.self) }
}

/// Which attribute (`CK_ATTRIBUTE_TYPE`).
public struct AttributeType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt

    public init(rawValue: UInt) {
        self.rawValue = rawValue
    }

    public static let objectClass = AttributeType(rawValue: CKA_CLASS)
    public static let token = AttributeType(rawValue: CKA_TOKEN)
    public static let isPrivate = AttributeType(rawValue: CKA_PRIVATE)
    public static let label = AttributeType(rawValue: CKA_LABEL)
    public static let application = AttributeType(rawValue: CKA_APPLICATION)
    public static let value = AttributeType(rawValue: CKA_VALUE)
    public static let trusted = AttributeType(rawValue: CKA_TRUSTED)
    public static let keyType = AttributeType(rawValue: CKA_KEY_TYPE)
    public static let id = AttributeType(rawValue: CKA_ID)
    public static let sensitive = AttributeType(rawValue: CKA_SENSITIVE)
    public static let encrypt = AttributeType(rawValue: CKA_ENCRYPT)
    public static let decrypt = AttributeType(rawValue: CKA_DECRYPT)
    public static let wrap = AttributeType(rawValue: CKA_WRAP)
    public static let unwrap = AttributeType(rawValue: CKA_UNWRAP)
    public static let sign = AttributeType(rawValue: CKA_SIGN)
    public static let signRecover = AttributeType(rawValue: CKA_SIGN_RECOVER)
    public static let verify = AttributeType(rawValue: CKA_VERIFY)
    public static let verifyRecover = AttributeType(rawValue: CKA_VERIFY_RECOVER)
    public static let derive = AttributeType(rawValue: CKA_DERIVE)
    public static let modulus = AttributeType(rawValue: CKA_MODULUS)
    public static let modulusBits = AttributeType(rawValue: CKA_MODULUS_BITS)
    public static let publicExponent = AttributeType(rawValue: CKA_PUBLIC_EXPONENT)
    public static let privateExponent = AttributeType(rawValue: CKA_PRIVATE_EXPONENT)
    public static let prime1 = AttributeType(rawValue: CKA_PRIME_1)
    public static let prime2 = AttributeType(rawValue: CKA_PRIME_2)
    public static let exponent1 = AttributeType(rawValue: CKA_EXPONENT_1)
    public static let exponent2 = AttributeType(rawValue: CKA_EXPONENT_2)
    public static let coefficient = AttributeType(rawValue: CKA_COEFFICIENT)
    public static let valueLength = AttributeType(rawValue: CKA_VALUE_LEN)
    public static let extractable = AttributeType(rawValue: CKA_EXTRACTABLE)
    public static let local = AttributeType(rawValue: CKA_LOCAL)
    public static let neverExtractable = AttributeType(rawValue: CKA_NEVER_EXTRACTABLE)
    public static let alwaysSensitive = AttributeType(rawValue: CKA_ALWAYS_SENSITIVE)
    public static let modifiable = AttributeType(rawValue: CKA_MODIFIABLE)
    public static let copyable = AttributeType(rawValue: CKA_COPYABLE)
    public static let destroyable = AttributeType(rawValue: CKA_DESTROYABLE)
    public static let ecParameters = AttributeType(rawValue: CKA_EC_PARAMS)
    public static let ecPoint = AttributeType(rawValue: CKA_EC_POINT)
    public static let wrapWithTrusted = AttributeType(rawValue: CKA_WRAP_WITH_TRUSTED)

    static let names: [UInt: String] = [
        CKA_CLASS: "CKA_CLASS", CKA_TOKEN: "CKA_TOKEN", CKA_PRIVATE: "CKA_PRIVATE", CKA_LABEL: "CKA_LABEL",
        CKA_APPLICATION: "CKA_APPLICATION", CKA_VALUE: "CKA_VALUE", CKA_TRUSTED: "CKA_TRUSTED",
        CKA_KEY_TYPE: "CKA_KEY_TYPE", CKA_ID: "CKA_ID", CKA_SENSITIVE: "CKA_SENSITIVE",
        CKA_ENCRYPT: "CKA_ENCRYPT", CKA_DECRYPT: "CKA_DECRYPT", CKA_WRAP: "CKA_WRAP",
        CKA_UNWRAP: "CKA_UNWRAP", CKA_SIGN: "CKA_SIGN", CKA_SIGN_RECOVER: "CKA_SIGN_RECOVER",
        CKA_VERIFY: "CKA_VERIFY", CKA_VERIFY_RECOVER: "CKA_VERIFY_RECOVER", CKA_DERIVE: "CKA_DERIVE",
        CKA_MODULUS: "CKA_MODULUS", CKA_MODULUS_BITS: "CKA_MODULUS_BITS",
        CKA_PUBLIC_EXPONENT: "CKA_PUBLIC_EXPONENT", CKA_PRIVATE_EXPONENT: "CKA_PRIVATE_EXPONENT",
        CKA_PRIME_1: "CKA_PRIME_1", CKA_PRIME_2: "CKA_PRIME_2", CKA_EXPONENT_1: "CKA_EXPONENT_1",
        CKA_EXPONENT_2: "CKA_EXPONENT_2", CKA_COEFFICIENT: "CKA_COEFFICIENT", CKA_VALUE_LEN: "CKA_VALUE_LEN",
        CKA_EXTRACTABLE: "CKA_EXTRACTABLE", CKA_LOCAL: "CKA_LOCAL",
        CKA_NEVER_EXTRACTABLE: "CKA_NEVER_EXTRACTABLE", CKA_ALWAYS_SENSITIVE: "CKA_ALWAYS_SENSITIVE",
        CKA_MODIFIABLE: "CKA_MODIFIABLE", CKA_COPYABLE: "CKA_COPYABLE",
        CKA_DESTROYABLE: "CKA_DESTROYABLE", CKA_EC_PARAMS: "CKA_EC_PARAMS", CKA_EC_POINT: "CKA_EC_POINT",
        CKA_WRAP_WITH_TRUSTED: "CKA_WRAP_WITH_TRUSTED",
    ]

    public var description: String { AttributeType.names[rawValue] ?? "CKA_0x" + String(rawValue, radix: 16) }
}

/// The classes of objects that this product handles (`CK_OBJECT_CLASS`).
public enum ObjectClass: UInt, Sendable {
    case data = 0
    case certificate = 1
    case publicKey = 2
    case privateKey = 3
    case secretKey = 4
}

/// The types of keys that this product handles (`CK_KEY_TYPE`).
public enum KeyType: UInt, Sendable {
    case rsa = 0
    case ec = 3
    case genericSecret = 0x10
    case aes = 0x1F
}

extension Attribute {
    public static func objectClass(_ value: ObjectClass) -> Attribute {
        Attribute(.objectClass, value.rawValue)
    }
    public static func keyType(_ value: KeyType) -> Attribute { Attribute(.keyType, value.rawValue) }
}

/// Attributes laid out once as the standard's `CK_ATTRIBUTE` array, for use in any number of calls.
public final class AttributeTemplate: @unchecked Sendable {
    // Unchecked: the memory is written in `init` alone; modules take templates as input and only read them.
    let attributes: UnsafeMutableBufferPointer<CK_ATTRIBUTE>
    private let values: UnsafeMutableRawBufferPointer

    public init(_ list: [Attribute]) {
        attributes = .allocate(capacity: max(1, list.count))
        values = .allocate(byteCount: max(1, list.reduce(0) { $0 + $1.value.count + 8 }), alignment: 8)
        self.count = list.count
        var offset = 0
        for (index, attribute) in list.enumerated() {
            let length = attribute.value.count
            let place = UnsafeMutableRawBufferPointer(rebasing: values[offset..<(offset + length)])
            place.copyBytes(from: attribute.value)
            // An absent value is a null pointer, never one to no bytes.
            attributes.initializeElement(
                at: index,
                to: CK_ATTRIBUTE(
                    type: attribute.type.rawValue, pValue: length == 0 ? nil : place.baseAddress,
                    ulValueLen: UInt(length)))
            offset += (length + 7) & ~7
        }
    }

    public let count: Int

    var pointer: UnsafeMutablePointer<CK_ATTRIBUTE>? { attributes.baseAddress }

    deinit {
        attributes.deallocate()
        values.deallocate()
    }
}
