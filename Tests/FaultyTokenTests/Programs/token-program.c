// A program with a token, for tests that see it killed:
//
//     token-program MODULE TOKEN PIN COMMAND…
//
// It logs in to the token of that label and obeys: `pair:LABEL` makes a P-256 key pair as token objects,
// `sign:LABEL` signs 32 octets, `destroy:LABEL` destroys all keys of that label, `pin:NEW` changes the PIN,
// `mac:TEXT` forms an HMAC in parts and verifies it, `count:LABEL` prints how many public and private keys
// have the label. After each command it prints what the token answered, a line like `sign:a 0x0`. Exit code 2
// and a line on standard error where it gets no further.
#define CRYPTOKI_COMPAT 1
#include <p11-kit/pkcs11.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_FUNCTION_LIST *token;
static CK_SESSION_HANDLE session;
static const char *pin;

static void require(CK_RV answer, const char *what) {
    if (answer == CKR_OK) return;
    fprintf(stderr, "%s 0x%lx\n", what, answer);
    exit(2);
}

static CK_ULONG find(const char *label, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE *objects, CK_ULONG limit) {
    CK_ATTRIBUTE template[] = {
        {CKA_LABEL, (void *)label, strlen(label)}, {CKA_CLASS, &class, sizeof class}};
    CK_ULONG count = 0;
    require(token->C_FindObjectsInit(session, template, 2), "C_FindObjectsInit");
    require(token->C_FindObjects(session, objects, limit, &count), "C_FindObjects");
    require(token->C_FindObjectsFinal(session), "C_FindObjectsFinal");
    return count;
}

static CK_RV make_pair(const char *label) {
    static CK_BYTE p256[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ATTRIBUTE public_template[] = {
        {CKA_TOKEN, &yes, 1}, {CKA_PRIVATE, &no, 1}, {CKA_VERIFY, &yes, 1},
        {CKA_EC_PARAMS, p256, sizeof p256}, {CKA_LABEL, (void *)label, strlen(label)}};
    CK_ATTRIBUTE private_template[] = {
        {CKA_TOKEN, &yes, 1}, {CKA_PRIVATE, &yes, 1}, {CKA_SENSITIVE, &yes, 1}, {CKA_EXTRACTABLE, &no, 1},
        {CKA_SIGN, &yes, 1}, {CKA_LABEL, (void *)label, strlen(label)}};
    CK_OBJECT_HANDLE public_key, private_key;
    return token->C_GenerateKeyPair(
        session, &(CK_MECHANISM){CKM_EC_KEY_PAIR_GEN, NULL, 0}, public_template, 5, private_template, 6,
        &public_key, &private_key);
}

static CK_RV sign(const char *label) {
    CK_OBJECT_HANDLE key = 0;
    CK_BYTE data[32] = {0x5A}, signature[128];
    CK_ULONG length = sizeof signature;
    if (find(label, CKO_PRIVATE_KEY, &key, 1) == 0) return CKR_KEY_HANDLE_INVALID;
    CK_RV answer = token->C_SignInit(session, &(CK_MECHANISM){CKM_ECDSA, NULL, 0}, key);
    return answer == CKR_OK ? token->C_Sign(session, data, sizeof data, signature, &length) : answer;
}

static CK_RV destroy(const char *label) {
    static const CK_OBJECT_CLASS classes[] = {CKO_PRIVATE_KEY, CKO_PUBLIC_KEY};
    CK_RV answer = CKR_OK;
    for (int class = 0; class < 2; class++) {
        CK_OBJECT_HANDLE objects[16];
        CK_ULONG count = find(label, classes[class], objects, 16);
        for (CK_ULONG i = 0; i < count && answer == CKR_OK; i++)
            answer = token->C_DestroyObject(session, objects[i]);
    }
    return answer;
}

static CK_RV mac(const char *text) {
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_BYTE value[32] = {0x5A}, code[32], *data = (CK_BYTE *)text;
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}, {CKA_TOKEN, &no, 1},
        {CKA_SIGN, &yes, 1}, {CKA_VERIFY, &yes, 1}, {CKA_VALUE, value, sizeof value}};
    CK_MECHANISM hmac = {CKM_SHA256_HMAC, NULL, 0};
    CK_OBJECT_HANDLE key;
    CK_ULONG length = sizeof code, count = strlen(text), half = count / 2;
    require(token->C_CreateObject(session, template, 6, &key), "C_CreateObject");
    require(token->C_SignInit(session, &hmac, key), "C_SignInit");
    require(token->C_SignUpdate(session, data, half), "C_SignUpdate");
    require(token->C_SignUpdate(session, data + half, count - half), "C_SignUpdate");
    require(token->C_SignFinal(session, code, &length), "C_SignFinal");
    require(token->C_VerifyInit(session, &hmac, key), "C_VerifyInit");
    return token->C_Verify(session, data, count, code, length);
}

static CK_RV obey(const char *command, const char *value) {
    if (strncmp(command, "pair:", 5) == 0) return make_pair(value);
    if (strncmp(command, "sign:", 5) == 0) return sign(value);
    if (strncmp(command, "mac:", 4) == 0) return mac(value);
    if (strncmp(command, "destroy:", 8) == 0) return destroy(value);
    if (strncmp(command, "pin:", 4) == 0)
        return token->C_SetPIN(session, (CK_BYTE *)pin, strlen(pin), (CK_BYTE *)value, strlen(value));
    if (strncmp(command, "count:", 6) == 0) {
        CK_OBJECT_HANDLE objects[16];
        CK_ULONG public_keys = find(value, CKO_PUBLIC_KEY, objects, 16);
        printf("public %lu private %lu\n", public_keys, find(value, CKO_PRIVATE_KEY, objects, 16));
        return CKR_OK;
    }
    require(CKR_ARGUMENTS_BAD, command);
    return CKR_OK;
}

static CK_SLOT_ID slot_of(const char *label) {
    // As many tokens as all suites of one process make on their store.
    static CK_SLOT_ID slots[16384];
    CK_ULONG count = sizeof slots / sizeof *slots;
    require(token->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        size_t length = strlen(label);
        require(token->C_GetTokenInfo(slots[i], &info), "C_GetTokenInfo");
        if (memcmp(info.label, label, length) == 0 && info.label[length] == ' ') return slots[i];
    }
    require(CKR_TOKEN_NOT_PRESENT, label);
    return 0;
}

int main(int count, char **arguments) {
    if (count < 4) return fprintf(stderr, "token-program MODULE TOKEN PIN COMMAND...\n"), 64;
    void *library = dlopen(arguments[1], RTLD_NOW);
    if (!library) return fprintf(stderr, "%s\n", dlerror()), 2;
    CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList");
    require(get(&token), "C_GetFunctionList");
    require(token->C_Initialize(NULL), "C_Initialize");
    CK_SLOT_ID slot = slot_of(arguments[2]);
    CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    require(token->C_OpenSession(slot, flags, NULL, NULL, &session), "C_OpenSession");
    pin = arguments[3];
    require(token->C_Login(session, CKU_USER, (CK_BYTE *)pin, strlen(pin)), "C_Login");
    for (int i = 4; i < count; i++) {
        const char *value = strchr(arguments[i], ':');
        CK_RV answer = obey(arguments[i], value ? value + 1 : "");
        printf("%s 0x%lx\n", arguments[i], answer);
        fflush(stdout);
    }
    require(token->C_Finalize(NULL), "C_Finalize");
    return 0;
}
