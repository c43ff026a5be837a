// A PKCS#11 v2.40 module for tests that lies and fails by plan.
//
// It loads the real module that FAULTY_TOKEN_MODULE names and forwards every call to it, except where
// FAULTY_TOKEN_PLAN wants something else. A plan is a list of rules, separated by semicolons:
//
//     FUNCTION[:N[+]]=ACTION[:ARGUMENT]
//
//     C_Sign:3=kill-before; state=slow:2; *:40+=return:CKR_DEVICE_REMOVED; C_GetTokenInfo=lie:wrong-serial
//
// FUNCTION is a name, `state` (any function that changes the token's or a key's state; `state_changing` in
// faulty-token-plan.c lists them) or `*` (any). N chooses the N-th call that matches, counted from 1 in
// this process; N+ that call and all after it; without N the rule holds for every call. C_GetFunctionList
// is no call in this sense. Rules act in the order written; of several answers the first holds.
//
//     kill-before        SIGKILL to this process; the real module is not called.
//     kill-after         SIGKILL to this process once the real module has answered.
//     stop-before        SIGSTOP to this process, until somebody sends SIGCONT; then the call goes on.
//     close-all          Closes every session of this process first, as when a network HSM was started again.
//     slow:MS            Waits so many milliseconds first.
//     return:CKR         Answers this without calling the real module: a CKR_ name or a number (0x80000042).
//     return-after:CKR   Calls the real module, then answers this: the work is done, the caller hears
//                        otherwise.
//     lie:WHAT           Calls the real module, and does or says something else:
//
//     C_GetAttributeValue  extractable       CKA_EXTRACTABLE of a private key is true
//                          once-extractable  CKA_NEVER_EXTRACTABLE of a private key is false
//                          not-local         CKA_LOCAL of a private key is false
//                          answers-curve     CKA_EC_PARAMS names P-256 for P-384 and the reverse
//                          swaps-public      CKA_EC_POINT is another point of the same curve, its generator
//                          reveals-value     CKA_VALUE of a private key is answered, with made-up bytes
//     C_GenerateKeyPair    curve             makes a P-256 key where P-384 is wanted and the reverse
//                          duplicate-label   makes two pairs from one template and answers the second
//                          missing-private   destroys the private key at once; its handle is answered still
//     C_DestroyObject      destroy-nothing   CKR_OK, and a token object stays (a session object goes)
//     C_Sign, C_SignFinal  bad-signature     the signature's last bit is flipped
//     C_WrapKey            wraps-anything    CKR_OK and made-up bytes where the real module refuses the key
//     C_CopyObject         copies-anything   CKR_OK and some session object's handle where it refuses the key
//     C_SetPIN             forgets           CKR_OK, and the PIN stays
//     C_GetTokenInfo       wrong-serial      the serial number's last character is another
//
// FAULTY_TOKEN_LOG names a file to which each call appends a line before anything else is done with it:
// `NUMBER FUNCTION state|other PROCESS`, the number counted from 1 in each process.
//
// With FAULTY_TOKEN_WHILE all but `slow` holds only while that file exists: a token that is away for some time. With
// FAULTY_TOKEN_ONCE only one of several processes is killed, the first that comes to it, which makes that file.
// FAULTY_TOKEN_CHILDREN is the plan of the processes that this one starts, where it is another than this one's.
//
// Calls that a lie makes on its own are neither logged nor counted. A program that has the module in its own
// process may change all three settings with faulty_token_configure instead of the environment.
// C_Finalize is forwarded too: it ends the real module for everybody in the process.

#include "faulty-token.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const CK_FUNCTION_LIST *real;

// MARK: The functions

#define DEFINE(name, parameters, call)                      \
    static CK_RV faulty_##name parameters {                 \
        const struct faults faults = begin_call(#name);     \
        if (faults.refuses) return faults.refusal;          \
        return end_call(&faults, call);                     \
    }
#define FORWARD(name, parameters, ...) DEFINE(name, parameters, real->name(__VA_ARGS__))
#define LIE(name, parameters, ...)                                                                    \
    DEFINE(name, parameters,                                                                          \
        faults.lies ? lying_##name(faults.lies, __VA_ARGS__) : real->name(__VA_ARGS__))
#include "faulty-token-functions.inc"
#undef FORWARD
#undef LIE

// Not by its public name: where libp11-kit is loaded, which exports C_GetFunctionList too, that is another.
static CK_RV faulty_C_GetFunctionList(CK_FUNCTION_LIST **list);

static CK_FUNCTION_LIST functions = {
    .version = {2, 40},
    .C_GetFunctionList = faulty_C_GetFunctionList,
#define FORWARD(name, ...) .name = faulty_##name,
#define LIE(name, ...) .name = faulty_##name,
#include "faulty-token-functions.inc"
#undef FORWARD
#undef LIE
};

// MARK: Settings

static pthread_mutex_t settings = PTHREAD_MUTEX_INITIALIZER;
static bool is_configured;

static CK_RV load(const char *path) {
    if (real) return CKR_OK;
    if (!path) {
        fprintf(stderr, "faulty-token: FAULTY_TOKEN_MODULE names no module\n");
        return CKR_ARGUMENTS_BAD;
    }
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "faulty-token: %s\n", dlerror());
        return CKR_GENERAL_ERROR;
    }
    CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList");
    CK_FUNCTION_LIST *list = NULL;
    const bool is_another = get && !dlsym(library, "faulty_token_configure");
    CK_RV answer = is_another ? get(&list) : CKR_GENERAL_ERROR;
    if (answer == CKR_OK) real = list;
    else fprintf(stderr, "faulty-token: %s is no other PKCS#11 module\n", path);
    return answer;
}

static CK_RV configure(const char *module, const char *plan, const char *log) {
    pthread_mutex_lock(&settings);
    if (!is_configured) {
        // What was not given comes from the environment, once.
        if (!module) module = getenv("FAULTY_TOKEN_MODULE");
        if (!plan) plan = getenv("FAULTY_TOKEN_PLAN");
        if (!log) log = getenv("FAULTY_TOKEN_LOG");
        const char *children = getenv("FAULTY_TOKEN_CHILDREN");
        if (children && !(plan = plan ? strdup(plan) : NULL)) plan = "";
        if (children) setenv("FAULTY_TOKEN_PLAN", children, 1);
    }
    CK_RV answer = load(module);
    if (answer == CKR_OK && plan && !set_plan(plan)) answer = CKR_ARGUMENTS_BAD;
    if (answer == CKR_OK && log && !set_log(log)) answer = CKR_ARGUMENTS_BAD;
    if (answer == CKR_OK) is_configured = true;
    pthread_mutex_unlock(&settings);
    return answer;
}

CK_RV faulty_token_configure(const char *module, const char *plan, const char *log);

// Sets what is not NULL. The real module is chosen once; a new plan counts its calls anew, and an empty one
// forwards everything; an empty log is none.
CK_RV faulty_token_configure(const char *module, const char *plan, const char *log) {
    return configure(module, plan, log);
}

// A module whose settings are malformed does not load: no test passes because its plan was misspelt.
static CK_RV faulty_C_GetFunctionList(CK_FUNCTION_LIST **list) {
    if (!list) return CKR_ARGUMENTS_BAD;
    CK_RV answer = configure(NULL, NULL, NULL);
    if (answer == CKR_OK) *list = &functions;
    return answer;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) {
    return faulty_C_GetFunctionList(list);
}
