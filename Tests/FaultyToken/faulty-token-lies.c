// The lies, one function of the standard after another; faulty-token.c describes them.
#include "faulty-token.h"

#include <stdlib.h>
#include <string.h>

#define UNAVAILABLE ((CK_ULONG)-1)

struct octets {
    const CK_BYTE *start;
    CK_ULONG count;
};
#define OCTETS(array) ((struct octets){array, sizeof array})

// CKA_EC_PARAMS: the curves' OIDs as DER (RFC 5480 §2.1.1.1).
static const CK_BYTE p256[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
static const CK_BYTE p384[] = {0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};

// The curves' generators, x and y (SEC 2 §2.4.2 and §2.5.1): points like any other, and nobody's key.
static const CK_BYTE p256_generator[64] = {
    0x6B, 0x17, 0xD1, 0xF2, 0xE1, 0x2C, 0x42, 0x47, 0xF8, 0xBC, 0xE6, 0xE5, 0x63, 0xA4, 0x40, 0xF2,
    0x77, 0x03, 0x7D, 0x81, 0x2D, 0xEB, 0x33, 0xA0, 0xF4, 0xA1, 0x39, 0x45, 0xD8, 0x98, 0xC2, 0x96,
    0x4F, 0xE3, 0x42, 0xE2, 0xFE, 0x1A, 0x7F, 0x9B, 0x8E, 0xE7, 0xEB, 0x4A, 0x7C, 0x0F, 0x9E, 0x16,
    0x2B, 0xCE, 0x33, 0x57, 0x6B, 0x31, 0x5E, 0xCE, 0xCB, 0xB6, 0x40, 0x68, 0x37, 0xBF, 0x51, 0xF5,
};
static const CK_BYTE p384_generator[96] = {
    0xAA, 0x87, 0xCA, 0x22, 0xBE, 0x8B, 0x05, 0x37, 0x8E, 0xB1, 0xC7, 0x1E, 0xF3, 0x20, 0xAD, 0x74,
    0x6E, 0x1D, 0x3B, 0x62, 0x8B, 0xA7, 0x9B, 0x98, 0x59, 0xF7, 0x41, 0xE0, 0x82, 0x54, 0x2A, 0x38,
    0x55, 0x02, 0xF2, 0x5D, 0xBF, 0x55, 0x29, 0x6C, 0x3A, 0x54, 0x5E, 0x38, 0x72, 0x76, 0x0A, 0xB7,
    0x36, 0x17, 0xDE, 0x4A, 0x96, 0x26, 0x2C, 0x6F, 0x5D, 0x9E, 0x98, 0xBF, 0x92, 0x92, 0xDC, 0x29,
    0xF8, 0xF4, 0x1D, 0xBD, 0x28, 0x9A, 0x14, 0x7C, 0xE9, 0xDA, 0x31, 0x13, 0xB5, 0xF0, 0xB8, 0xC0,
    0x0A, 0x60, 0xB1, 0xCE, 0x1D, 0x7E, 0x81, 0x9D, 0x7A, 0x43, 0x1D, 0x7C, 0x90, 0xEA, 0x0E, 0x5F,
};

static const CK_BYTE made_up[] = "these octets were made up by a token that lies.";

static struct octets other_curve(const void *parameters, CK_ULONG count) {
    if (count == sizeof p256 && memcmp(parameters, p256, count) == 0) return OCTETS(p384);
    if (count == sizeof p384 && memcmp(parameters, p384, count) == 0) return OCTETS(p256);
    return (struct octets){NULL, 0};
}

// MARK: Tokens

CK_RV lying_C_GetTokenInfo(unsigned lies, CK_SLOT_ID slot, CK_TOKEN_INFO *info) {
    CK_RV answer = real->C_GetTokenInfo(slot, info);
    if (answer == CKR_OK && lies & LIE_WRONG_SERIAL) {
        CK_BYTE *last = &info->serialNumber[sizeof info->serialNumber - 1];
        *last = *last == '7' ? '8' : '7';
    }
    return answer;
}

CK_RV lying_C_SetPIN(
    unsigned lies, CK_SESSION_HANDLE session, CK_BYTE *old_pin, CK_ULONG old_length, CK_BYTE *new_pin,
    CK_ULONG new_length
) {
    if (lies & LIE_FORGETS) return CKR_OK;
    return real->C_SetPIN(session, old_pin, old_length, new_pin, new_length);
}

// MARK: Objects

static bool is_private_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
    CK_OBJECT_CLASS class = 0;
    CK_ATTRIBUTE attribute = {CKA_CLASS, &class, sizeof class};
    return real->C_GetAttributeValue(session, object, &attribute, 1) == CKR_OK && class == CKO_PRIVATE_KEY;
}

// Answers `value` for one attribute as the standard says: its length, or the value if the buffer holds it.
static CK_RV answer_value(CK_ATTRIBUTE *attribute, CK_ULONG capacity, struct octets value) {
    if (attribute->pValue && capacity < value.count) {
        attribute->ulValueLen = UNAVAILABLE;
        return CKR_BUFFER_TOO_SMALL;
    }
    if (attribute->pValue) memcpy(attribute->pValue, value.start, value.count);
    attribute->ulValueLen = value.count;
    return CKR_OK;
}

static CK_RV lie_about_curve(
    CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attribute, CK_ULONG capacity
) {
    // The caller's buffer may be too short for the truth.
    CK_BYTE parameters[64];
    CK_ATTRIBUTE truth = {CKA_EC_PARAMS, parameters, sizeof parameters};
    if (real->C_GetAttributeValue(session, object, &truth, 1) != CKR_OK) return CKR_OK;
    struct octets other = other_curve(parameters, truth.ulValueLen);
    return other.start ? answer_value(attribute, capacity, other) : CKR_OK;
}

// An uncompressed point ends in x and y, whether a DER OCTET STRING surrounds it or not.
static void swap_point(CK_ATTRIBUTE *attribute) {
    if (!attribute->pValue || attribute->ulValueLen == UNAVAILABLE) return;
    CK_ULONG count = attribute->ulValueLen;
    struct octets other = count == 65 || count == 67 ? OCTETS(p256_generator) : OCTETS(p384_generator);
    if (count != other.count + 1 && count != other.count + 3) return;
    memcpy((CK_BYTE *)attribute->pValue + count - other.count, other.start, other.count);
}

static CK_RV lie_about_attribute(
    unsigned lies, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attribute,
    CK_ULONG capacity
) {
    static const CK_BYTE no[] = {CK_FALSE}, yes[] = {CK_TRUE};
    switch (attribute->type) {
    case CKA_EC_PARAMS:
        return lies & LIE_ANSWERS_CURVE ? lie_about_curve(session, object, attribute, capacity) : CKR_OK;
    case CKA_EC_POINT:
        if (lies & LIE_SWAPS_PUBLIC) swap_point(attribute);
        return CKR_OK;
    }
    if (!is_private_key(session, object)) return CKR_OK;
    if (attribute->type == CKA_EXTRACTABLE && lies & LIE_EXTRACTABLE)
        return answer_value(attribute, capacity, OCTETS(yes));
    if (attribute->type == CKA_NEVER_EXTRACTABLE && lies & LIE_ONCE_EXTRACTABLE)
        return answer_value(attribute, capacity, OCTETS(no));
    if (attribute->type == CKA_LOCAL && lies & LIE_NOT_LOCAL)
        return answer_value(attribute, capacity, OCTETS(no));
    if (attribute->type == CKA_VALUE && lies & LIE_REVEALS_VALUE)
        return answer_value(attribute, capacity, OCTETS(made_up));
    return CKR_OK;
}

CK_RV lying_C_GetAttributeValue(
    unsigned lies, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
    CK_ULONG count
) {
    CK_ULONG *capacities = calloc(count + 1, sizeof *capacities);
    if (!capacities) return CKR_HOST_MEMORY;
    for (CK_ULONG i = 0; i < count; i++) capacities[i] = template[i].ulValueLen;
    CK_RV answer = real->C_GetAttributeValue(session, object, template, count);
    // After these three answers the others of the template stand (PKCS#11 v2.40 §5.7, C_GetAttributeValue).
    const bool is_partial = answer == CKR_ATTRIBUTE_SENSITIVE || answer == CKR_ATTRIBUTE_TYPE_INVALID
        || answer == CKR_BUFFER_TOO_SMALL;
    if (answer == CKR_OK || is_partial) {
        bool is_whole = true;
        for (CK_ULONG i = 0; i < count; i++) {
            CK_RV own = lie_about_attribute(lies, session, object, &template[i], capacities[i]);
            if (own != CKR_OK) answer = own;
            if (template[i].ulValueLen == UNAVAILABLE) is_whole = false;
        }
        if (is_whole) answer = CKR_OK;
    }
    free(capacities);
    return answer;
}

CK_RV lying_C_CopyObject(
    unsigned lies, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count,
    CK_OBJECT_HANDLE *copy
) {
    CK_RV answer = real->C_CopyObject(session, object, template, count, copy);
    const bool is_refused = answer == CKR_ACTION_PROHIBITED || answer == CKR_ATTRIBUTE_READ_ONLY;
    if (!is_refused || !(lies & LIE_COPIES_ANYTHING)) return answer;
    // An object of its own: whoever destroys the copy must not destroy the key.
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL no = CK_FALSE;
    CK_ATTRIBUTE data[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &no, sizeof no}, {CKA_PRIVATE, &no, sizeof no}};
    return real->C_CreateObject(session, data, sizeof data / sizeof *data, copy);
}

CK_RV lying_C_DestroyObject(unsigned lies, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
    CK_BBOOL is_token_object = CK_FALSE;
    CK_ATTRIBUTE attribute = {CKA_TOKEN, &is_token_object, sizeof is_token_object};
    CK_RV answer = real->C_GetAttributeValue(session, object, &attribute, 1);
    if (answer == CKR_OK && is_token_object && lies & LIE_DESTROY_NOTHING) return CKR_OK;
    return real->C_DestroyObject(session, object);
}

// MARK: Keys

static CK_RV spoil(CK_RV answer, unsigned lies, CK_BYTE *signature, const CK_ULONG *length) {
    if (answer == CKR_OK && signature && *length > 0 && lies & LIE_BAD_SIGNATURE) signature[*length - 1] ^= 1;
    return answer;
}

CK_RV lying_C_Sign(
    unsigned lies, CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_length, CK_BYTE *signature,
    CK_ULONG *signature_length
) {
    CK_RV answer = real->C_Sign(session, data, data_length, signature, signature_length);
    return spoil(answer, lies, signature, signature_length);
}

CK_RV lying_C_SignFinal(
    unsigned lies, CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG *signature_length
) {
    CK_RV answer = real->C_SignFinal(session, signature, signature_length);
    return spoil(answer, lies, signature, signature_length);
}

CK_RV lying_C_GenerateKeyPair(
    unsigned lies, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_template,
    CK_ULONG public_count, CK_ATTRIBUTE *private_template, CK_ULONG private_count,
    CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key
) {
    CK_ATTRIBUTE *template = calloc(public_count + 1, sizeof *template);
    if (!template) return CKR_HOST_MEMORY;
    for (CK_ULONG i = 0; i < public_count; i++) {
        template[i] = public_template[i];
        if (template[i].type != CKA_EC_PARAMS || !(lies & LIE_CURVE)) continue;
        struct octets other = other_curve(template[i].pValue, template[i].ulValueLen);
        if (!other.start) continue;
        template[i].pValue = (void *)other.start;
        template[i].ulValueLen = other.count;
    }
    CK_RV answer = CKR_OK;
    for (int pairs = lies & LIE_DUPLICATE_LABEL ? 2 : 1; pairs > 0 && answer == CKR_OK; pairs--)
        answer = real->C_GenerateKeyPair(
            session, mechanism, template, public_count, private_template, private_count, public_key,
            private_key);
    if (answer == CKR_OK && lies & LIE_MISSING_PRIVATE) answer = real->C_DestroyObject(session, *private_key);
    free(template);
    return answer;
}

CK_RV lying_C_WrapKey(
    unsigned lies, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping_key,
    CK_OBJECT_HANDLE key, CK_BYTE *wrapped, CK_ULONG *wrapped_length
) {
    CK_ULONG capacity = *wrapped_length;
    CK_RV answer = real->C_WrapKey(session, mechanism, wrapping_key, key, wrapped, wrapped_length);
    const bool is_refused = answer == CKR_KEY_UNEXTRACTABLE || answer == CKR_KEY_NOT_WRAPPABLE
        || answer == CKR_KEY_FUNCTION_NOT_PERMITTED;
    if (!is_refused || !(lies & LIE_WRAPS_ANYTHING)) return answer;
    *wrapped_length = sizeof made_up;
    if (wrapped && capacity < sizeof made_up) return CKR_BUFFER_TOO_SMALL;
    if (wrapped) memcpy(wrapped, made_up, sizeof made_up);
    return CKR_OK;
}
