// The yardstick of `make bench`: the PKCS#11 calls that one device costs, and nothing else.
//
// It makes device keys exactly as a run's workers do (same attributes, same session copies), in threads of one
// process or in processes of one thread, and prints the devices a second. Start-up, login and each caller's first
// devices are not counted; the time ends with the last caller. Nothing is kept: no certificate, no ledger, no log.

#define CRYPTOKI_COMPAT 1
#include <dlfcn.h>
#include <errno.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "requests.h"

static CK_FUNCTION_LIST_PTR p11;
static CK_SLOT_ID slot;
static const char *module_path, *token_label, *issuer_label;
static char pin[256];
static int session_copies;
static int has_requests;
static long devices_each;
// Devices that a caller makes before its time begins: pages and caches are then as they stay.
static const long warm_up = 20;
static pthread_barrier_t *start_line;

static void must(CK_RV answer, const char *what) {
    if (answer != CKR_OK) {
        fprintf(stderr, "bare-loop: %s: 0x%lx\n", what, answer);
        exit(70);
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void load(int threads) {
    void *library = dlopen(module_path, RTLD_NOW);
    if (!library) {
        fprintf(stderr, "bare-loop: %s\n", dlerror());
        exit(66);
    }
    CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList");
    must(get(&p11), "C_GetFunctionList");
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    must(p11->C_Initialize(threads ? &arguments : NULL), "C_Initialize");
    CK_SLOT_ID slots[64];
    CK_ULONG count = 64;
    must(p11->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        must(p11->C_GetTokenInfo(slots[i], &info), "C_GetTokenInfo");
        size_t length = strlen(token_label);
        if (memcmp(info.label, token_label, length) == 0 && (length == 32 || info.label[length] == ' ')) {
            slot = slots[i];
            CK_SESSION_HANDLE session;
            must(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");
            must(p11->C_Login(session, CKU_USER, (CK_UTF8CHAR_PTR)pin, strlen(pin)), "C_Login");
            return;
        }
    }
    fprintf(stderr, "bare-loop: no token %s\n", token_label);
    exit(69);
}

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void make_devices(void) {
    CK_SESSION_HANDLE session;
    must(p11->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), "C_OpenSession");

    CK_OBJECT_CLASS private_class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &private_class, sizeof private_class},
                             {CKA_LABEL, (void *)issuer_label, strlen(issuer_label)}};
    CK_OBJECT_HANDLE issuer;
    CK_ULONG found = 0;
    must(p11->C_FindObjectsInit(session, wanted, 2), "C_FindObjectsInit");
    must(p11->C_FindObjects(session, &issuer, 1, &found), "C_FindObjects");
    must(p11->C_FindObjectsFinal(session), "C_FindObjectsFinal");
    if (found != 1) {
        fprintf(stderr, "bare-loop: no key %s\n", issuer_label);
        exit(66);
    }
    if (session_copies) {
        CK_ATTRIBUTE copy[] = {{CKA_TOKEN, &no, sizeof no}};
        must(p11->C_CopyObject(session, issuer, copy, 1, &issuer), "C_CopyObject");
    }
    if (has_requests) {
        requests_certify(p11, session, issuer, devices_each, warm_up, start_line);
        return;
    }

    CK_ULONG length = 32;
    CK_ATTRIBUTE transport[] = {
        {CKA_TOKEN, &no, 1},       {CKA_PRIVATE, &yes, 1}, {CKA_VALUE_LEN, &length, sizeof length},
        {CKA_SENSITIVE, &yes, 1},  {CKA_WRAP, &yes, 1},    {CKA_UNWRAP, &no, 1},
        {CKA_ENCRYPT, &no, 1},     {CKA_DECRYPT, &no, 1},  {CKA_SIGN, &no, 1},
        {CKA_VERIFY, &no, 1},      {CKA_DERIVE, &no, 1},
    };
    CK_MECHANISM aes = {CKM_AES_KEY_GEN, NULL, 0};
    CK_OBJECT_HANDLE wrapping;
    must(p11->C_GenerateKey(session, &aes, transport, sizeof transport / sizeof *transport, &wrapping), "C_GenerateKey");

    static const CK_BYTE p256[] = {0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
    CK_ATTRIBUTE public_key[] = {
        {CKA_TOKEN, &no, 1},  {CKA_PRIVATE, &no, 1},        {CKA_EC_PARAMS, (void *)p256, sizeof p256},
        {CKA_VERIFY, &yes, 1}, {CKA_VERIFY_RECOVER, &no, 1}, {CKA_ENCRYPT, &no, 1},
        {CKA_WRAP, &no, 1},   {CKA_DERIVE, &no, 1},
    };
    CK_ATTRIBUTE private_key[] = {
        {CKA_TOKEN, &no, 1},        {CKA_PRIVATE, &yes, 1}, {CKA_SENSITIVE, &yes, 1},
        {CKA_EXTRACTABLE, &yes, 1}, {CKA_SIGN, &yes, 1},    {CKA_SIGN_RECOVER, &no, 1},
        {CKA_DECRYPT, &no, 1},      {CKA_UNWRAP, &no, 1},   {CKA_DERIVE, &no, 1},
    };
    CK_MECHANISM generate = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};
    CK_MECHANISM wrap = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    CK_BYTE digest[32], signature[128], point[128], wrapped[512];
    memset(digest, 0x5A, sizeof digest);

    for (long i = -warm_up; i < devices_each; i++) {
        if (i == 0) pthread_barrier_wait(start_line);
        CK_OBJECT_HANDLE public_handle, private_handle;
        must(p11->C_GenerateKeyPair(session, &generate, public_key, sizeof public_key / sizeof *public_key,
                                    private_key, sizeof private_key / sizeof *private_key, &public_handle,
                                    &private_handle),
             "C_GenerateKeyPair");
        CK_ATTRIBUTE read = {CKA_EC_POINT, point, sizeof point};
        must(p11->C_GetAttributeValue(session, public_handle, &read, 1), "C_GetAttributeValue");
        memcpy(digest, point + 8, sizeof digest);
        CK_ULONG size = sizeof signature;
        must(p11->C_SignInit(session, &ecdsa, issuer), "C_SignInit");
        must(p11->C_Sign(session, digest, sizeof digest, signature, &size), "C_Sign");
        size = sizeof wrapped;
        must(p11->C_WrapKey(session, &wrap, wrapping, private_handle, wrapped, &size), "C_WrapKey");
        must(p11->C_DestroyObject(session, private_handle), "C_DestroyObject");
        must(p11->C_DestroyObject(session, public_handle), "C_DestroyObject");
    }
    pthread_barrier_wait(start_line);
}

// A caller that failed never reaches the line, where all others wait.
static void caller_ended(int signal_number) {
    (void)signal_number;
    int status;
    while (waitpid(-1, &status, WNOHANG) > 0)
        if (status != 0) _exit(70);
}

static void *thread(void *unused) {
    (void)unused;
    make_devices();
    return NULL;
}

int main(int count, char **arguments) {
    if (count == 5 && strcmp(arguments[1], "make-requests") == 0)
        return requests_make(arguments[2], arguments[3], atol(arguments[4]));
    if (count != 9 && count != 10) {
        fprintf(stderr, "usage: bare-loop MODULE TOKEN PIN-FILE ISSUER-LABEL copies|no-copies "
                        "threads|processes N DEVICES [REQUESTS.csv]\n"
                        "       bare-loop make-requests REQUESTS.csv PREFIX COUNT\n");
        return 64;
    }
    has_requests = count == 10;
    if (has_requests) {
        int answer = requests_read(arguments[9]);
        if (answer) return answer;
    }
    module_path = arguments[1];
    token_label = arguments[2];
    issuer_label = arguments[4];
    session_copies = strcmp(arguments[5], "copies") == 0;
    int in_threads = strcmp(arguments[6], "threads") == 0;
    int callers = atoi(arguments[7]);
    if (callers < 1 || callers > 256) return 64;
    devices_each = atol(arguments[8]) / callers;
    if (devices_each < 1) return 64;

    FILE *file = fopen(arguments[3], "r");
    if (!file || !fgets(pin, sizeof pin, file)) return 66;
    pin[strcspn(pin, "\r\n")] = 0;

    start_line = mmap(NULL, sizeof *start_line, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_barrierattr_t shared;
    pthread_barrierattr_init(&shared);
    pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(start_line, &shared, (unsigned)callers + 1);

    if (in_threads) {
        load(1);
        for (int i = 0; i < callers; i++) {
            pthread_t id;
            pthread_create(&id, NULL, thread, NULL);
        }
    } else {
        signal(SIGCHLD, caller_ended);
        for (int i = 0; i < callers; i++) {
            // One after another: processes that log in together break SoftHSM's token file.
            int ready[2];
            if (pipe(ready)) return 70;
            if (fork() == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                load(0);
                if (write(ready[1], "x", 1) != 1) _exit(70);
                make_devices();
                _exit(0);
            }
            char byte;
            close(ready[1]);
            if (read(ready[0], &byte, 1) != 1) return 70;
            close(ready[0]);
        }
    }
    pthread_barrier_wait(start_line);
    double begun = now();
    pthread_barrier_wait(start_line);
    double seconds = now() - begun;
    printf("%.1f\n", (double)(devices_each * callers) / seconds);
    fflush(stdout);
    // The callers' processor time counts as ours once they are waited for.
    while (wait(NULL) > 0 || errno == EINTR) {}
    // No exit handlers: the module's would pull away what the last threads stand on.
    _exit(0);
}
