// What the files of the lying and failing PKCS#11 module share; faulty-token.c says what it is.
#pragma once

// The standard's own names (CK_RV, CK_SESSION_HANDLE) instead of p11-kit's.
#define CRYPTOKI_COMPAT 1
#include <p11-kit/pkcs11.h>

#include <stdbool.h>

enum lie {
    LIE_EXTRACTABLE = 1 << 0,
    LIE_ONCE_EXTRACTABLE = 1 << 1,
    LIE_NOT_LOCAL = 1 << 2,
    LIE_ANSWERS_CURVE = 1 << 3,
    LIE_REVEALS_VALUE = 1 << 4,
    LIE_SWAPS_PUBLIC = 1 << 5,
    LIE_CURVE = 1 << 6,
    LIE_DUPLICATE_LABEL = 1 << 7,
    LIE_MISSING_PRIVATE = 1 << 8,
    LIE_DESTROY_NOTHING = 1 << 9,
    LIE_BAD_SIGNATURE = 1 << 10,
    LIE_WRAPS_ANYTHING = 1 << 11,
    LIE_COPIES_ANYTHING = 1 << 12,
    LIE_FORGETS = 1 << 13,
    LIE_WRONG_SERIAL = 1 << 14,
};

// What the plan wants of one call. What comes before the call has been done already.
struct faults {
    bool refuses;        // Do not forward: answer `refusal`.
    CK_RV refusal;
    bool kills_after;    // SIGKILL once the real module has answered.
    bool fails_after;    // Forward, then answer `failure`.
    CK_RV failure;
    unsigned lies;       // Bits of `enum lie`, only those of this function.
};

// What these files share is not seen outside, so that no name meets another library's.
#pragma GCC visibility push(hidden)

// Replaces the plan, every rule counting anew; false and a line on standard error if it is malformed.
bool set_plan(const char *text);

// Appends to this file from now on; false and a line on standard error if it cannot be opened.
bool set_log(const char *path);

// Counts and logs a call, does what the plan wants before it, and says what it wants of it.
struct faults begin_call(const char *function);

// Does what the plan wants after the call, and gives the answer that the caller gets.
CK_RV end_call(const struct faults *faults, CK_RV answer);

// The module that answers truthfully.
extern const CK_FUNCTION_LIST *real;

// The functions that can lie; `lies` is never 0.
CK_RV lying_C_GetTokenInfo(unsigned lies, CK_SLOT_ID slot, CK_TOKEN_INFO *info);
CK_RV lying_C_SetPIN(
    unsigned lies, CK_SESSION_HANDLE session, CK_BYTE *old_pin, CK_ULONG old_length, CK_BYTE *new_pin,
    CK_ULONG new_length);
CK_RV lying_C_CopyObject(
    unsigned lies, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
    CK_ULONG count, CK_OBJECT_HANDLE *copy);
CK_RV lying_C_DestroyObject(unsigned lies, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object);
CK_RV lying_C_GetAttributeValue(
    unsigned lies, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template,
    CK_ULONG count);
CK_RV lying_C_Sign(
    unsigned lies, CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG data_length, CK_BYTE *signature,
    CK_ULONG *signature_length);
CK_RV lying_C_SignFinal(
    unsigned lies, CK_SESSION_HANDLE session, CK_BYTE *signature, CK_ULONG *signature_length);
CK_RV lying_C_GenerateKeyPair(
    unsigned lies, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_template,
    CK_ULONG public_count, CK_ATTRIBUTE *private_template, CK_ULONG private_count,
    CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key);
CK_RV lying_C_WrapKey(
    unsigned lies, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping_key,
    CK_OBJECT_HANDLE key, CK_BYTE *wrapped, CK_ULONG *wrapped_length);

#pragma GCC visibility pop
