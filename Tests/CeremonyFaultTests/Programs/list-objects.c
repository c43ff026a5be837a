// Lists what is on a token, for tests that want to see it with other eyes than the product's:
//
//     list-objects MODULE SERIAL PIN-FILE
//
// It logs in to the token of that serial number with the PIN in the file, and prints a line for each token object:
// its class by number (2 a public key, 3 a private key), its CKA_ID in hexadecimal, its label. Exit code 2 and a line
// on standard error where it gets no further.
#define CRYPTOKI_COMPAT 1
#include <p11-kit/pkcs11.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static CK_FUNCTION_LIST *token;

static void require(CK_RV answer, const char *what) {
    if (answer == CKR_OK) return;
    fprintf(stderr, "%s 0x%lx\n", what, answer);
    exit(2);
}

static CK_SLOT_ID find_slot(const char *serial) {
    CK_SLOT_ID slots[64];
    CK_ULONG count = 64;
    require(token->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        require(token->C_GetTokenInfo(slots[i], &info), "C_GetTokenInfo");
        char padded[sizeof info.serialNumber + 1];
        snprintf(padded, sizeof padded, "%-16s", serial);
        if (memcmp(padded, info.serialNumber, sizeof info.serialNumber) == 0) return slots[i];
    }
    fprintf(stderr, "no token %s\n", serial);
    exit(2);
}

static void print_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object) {
    CK_OBJECT_CLASS class = 0;
    CK_BYTE id[256];
    char label[256];
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &class, sizeof class}, {CKA_ID, id, sizeof id}, {CKA_LABEL, label, sizeof label}};
    // One at a time: an object without one of them still has the others.
    for (int i = 0; i < 3; i++)
        if (token->C_GetAttributeValue(session, object, &attributes[i], 1) != CKR_OK)
            attributes[i].ulValueLen = 0;
    printf("%lu ", class);
    for (CK_ULONG i = 0; i < attributes[1].ulValueLen; i++) printf("%02x", id[i]);
    printf(" %.*s\n", (int)attributes[2].ulValueLen, label);
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    void *library = dlopen(arguments[1], RTLD_NOW);
    CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
    if (!get) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    char pin[256];
    FILE *file = fopen(arguments[3], "r");
    if (!file) {
        perror(arguments[3]);
        return 2;
    }
    size_t length = fread(pin, 1, sizeof pin, file);
    fclose(file);
    while (length > 0 && pin[length - 1] == '\n') length--;

    require(get(&token), "C_GetFunctionList");
    require(token->C_Initialize(NULL), "C_Initialize");
    CK_SESSION_HANDLE session;
    require(
        token->C_OpenSession(find_slot(arguments[2]), CKF_SERIAL_SESSION, NULL, NULL, &session),
        "C_OpenSession");
    require(token->C_Login(session, CKU_USER, (CK_BYTE *)pin, length), "C_Login");
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE wanted = {CKA_TOKEN, &yes, 1};
    require(token->C_FindObjectsInit(session, &wanted, 1), "C_FindObjectsInit");
    CK_OBJECT_HANDLE objects[64];
    CK_ULONG found = 0;
    require(token->C_FindObjects(session, objects, 64, &found), "C_FindObjects");
    require(token->C_FindObjectsFinal(session), "C_FindObjectsFinal");
    for (CK_ULONG i = 0; i < found; i++) print_object(session, objects[i]);
    token->C_Finalize(NULL);
    return 0;
}
