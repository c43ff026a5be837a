// The plan and the log of the lying and failing module: parsing, counting, and what is no lie.
#include "faulty-token.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const state_changing[] = {
    "C_InitToken", "C_InitPIN", "C_SetPIN", "C_CreateObject", "C_CopyObject", "C_DestroyObject",
    "C_SetAttributeValue", "C_SignInit", "C_Sign", "C_SignUpdate", "C_SignFinal", "C_GenerateKey",
    "C_GenerateKeyPair", "C_WrapKey", "C_UnwrapKey", "C_DeriveKey", NULL,
};

static const char *const all_functions[] = {
#define FORWARD(name, ...) #name,
#define LIE(name, ...) #name,
#include "faulty-token-functions.inc"
    NULL,
};

static const struct { const char *name, *function; unsigned bit; } lies[] = {
    {"extractable", "C_GetAttributeValue", LIE_EXTRACTABLE},
    {"once-extractable", "C_GetAttributeValue", LIE_ONCE_EXTRACTABLE},
    {"not-local", "C_GetAttributeValue", LIE_NOT_LOCAL},
    {"answers-curve", "C_GetAttributeValue", LIE_ANSWERS_CURVE},
    {"reveals-value", "C_GetAttributeValue", LIE_REVEALS_VALUE},
    {"swaps-public", "C_GetAttributeValue", LIE_SWAPS_PUBLIC},
    {"curve", "C_GenerateKeyPair", LIE_CURVE},
    {"duplicate-label", "C_GenerateKeyPair", LIE_DUPLICATE_LABEL},
    {"missing-private", "C_GenerateKeyPair", LIE_MISSING_PRIVATE},
    {"destroy-nothing", "C_DestroyObject", LIE_DESTROY_NOTHING},
    {"bad-signature", "C_Sign", LIE_BAD_SIGNATURE},
    {"bad-signature", "C_SignFinal", LIE_BAD_SIGNATURE},
    {"wraps-anything", "C_WrapKey", LIE_WRAPS_ANYTHING},
    {"copies-anything", "C_CopyObject", LIE_COPIES_ANYTHING},
    {"forgets", "C_SetPIN", LIE_FORGETS},
    {"wrong-serial", "C_GetTokenInfo", LIE_WRONG_SERIAL},
    {NULL, NULL, 0},
};

#define NAMED(value) {#value, value}
static const struct { const char *name; CK_RV value; } return_values[] = {
    NAMED(CKR_OK), NAMED(CKR_CANCEL), NAMED(CKR_HOST_MEMORY), NAMED(CKR_SLOT_ID_INVALID),
    NAMED(CKR_GENERAL_ERROR), NAMED(CKR_FUNCTION_FAILED), NAMED(CKR_ARGUMENTS_BAD), NAMED(CKR_CANT_LOCK),
    NAMED(CKR_ATTRIBUTE_READ_ONLY), NAMED(CKR_ATTRIBUTE_SENSITIVE), NAMED(CKR_ATTRIBUTE_TYPE_INVALID),
    NAMED(CKR_ATTRIBUTE_VALUE_INVALID), NAMED(CKR_ACTION_PROHIBITED), NAMED(CKR_DEVICE_ERROR),
    NAMED(CKR_DEVICE_MEMORY), NAMED(CKR_DEVICE_REMOVED), NAMED(CKR_FUNCTION_CANCELED),
    NAMED(CKR_FUNCTION_NOT_SUPPORTED), NAMED(CKR_KEY_HANDLE_INVALID), NAMED(CKR_KEY_FUNCTION_NOT_PERMITTED),
    NAMED(CKR_KEY_NOT_WRAPPABLE), NAMED(CKR_KEY_UNEXTRACTABLE), NAMED(CKR_MECHANISM_INVALID),
    NAMED(CKR_MECHANISM_PARAM_INVALID), NAMED(CKR_OBJECT_HANDLE_INVALID), NAMED(CKR_OPERATION_ACTIVE),
    NAMED(CKR_OPERATION_NOT_INITIALIZED), NAMED(CKR_PIN_INCORRECT), NAMED(CKR_PIN_INVALID),
    NAMED(CKR_PIN_LEN_RANGE), NAMED(CKR_PIN_EXPIRED), NAMED(CKR_PIN_LOCKED), NAMED(CKR_SESSION_CLOSED),
    NAMED(CKR_SESSION_COUNT), NAMED(CKR_SESSION_HANDLE_INVALID), NAMED(CKR_SESSION_READ_ONLY),
    NAMED(CKR_SESSION_EXISTS), NAMED(CKR_SIGNATURE_INVALID), NAMED(CKR_TEMPLATE_INCOMPLETE),
    NAMED(CKR_TEMPLATE_INCONSISTENT), NAMED(CKR_TOKEN_NOT_PRESENT), NAMED(CKR_TOKEN_NOT_RECOGNIZED),
    NAMED(CKR_TOKEN_WRITE_PROTECTED), NAMED(CKR_USER_ALREADY_LOGGED_IN), NAMED(CKR_USER_NOT_LOGGED_IN),
    NAMED(CKR_USER_PIN_NOT_INITIALIZED), NAMED(CKR_WRAPPED_KEY_INVALID), NAMED(CKR_RANDOM_NO_RNG),
    NAMED(CKR_BUFFER_TOO_SMALL), NAMED(CKR_CRYPTOKI_NOT_INITIALIZED), NAMED(CKR_CRYPTOKI_ALREADY_INITIALIZED),
    NAMED(CKR_FUNCTION_REJECTED), {NULL, 0},
};

enum action { KILL_BEFORE, KILL_AFTER, STOP_BEFORE, CLOSE_ALL, SLOW, RETURN, RETURN_AFTER, TELL_LIE };

struct rule {
    const char *function;          // A name, "state" or "*".
    unsigned long first, last;     // Which of the matching calls, from 1, both included.
    enum action action;
    unsigned long argument;        // Milliseconds, a CK_RV or the bits of lies.
    atomic_ulong seen;
};

struct plan {
    size_t count;
    struct rule rules[];
};

// A plan that was replaced stays in memory: another thread may still be reading it.
static _Atomic(struct plan *) current_plan;
static atomic_int log_descriptor = -1;
static atomic_ulong calls;

static bool is_listed(const char *name, const char *const list[]) {
    for (; *list; list++)
        if (strcmp(name, *list) == 0) return true;
    return false;
}

// MARK: Parsing

static bool parse_number(const char *text, unsigned long *number, char **end) {
    if (*text < '0' || *text > '9') return false;
    errno = 0;
    *number = strtoul(text, end, 0);
    return errno == 0;
}

static bool parse_return_value(const char *text, unsigned long *value) {
    for (size_t i = 0; return_values[i].name; i++)
        if (strcmp(text, return_values[i].name) == 0) return *value = return_values[i].value, true;
    char *end;
    return parse_number(text, value, &end) && !*end;
}

static bool parse_lie(const char *text, const char *function, unsigned long *bits) {
    for (size_t i = 0; lies[i].name; i++)
        if (strcmp(text, lies[i].name) == 0
            && (strcmp(function, "*") == 0 || strcmp(function, lies[i].function) == 0))
            return *bits = lies[i].bit, true;
    return false;
}

// Parses one rule in place; answers what is wrong with it, or NULL.
static const char *parse_rule(char *text, struct rule *rule) {
    char *action = strchr(text, '='), *end;
    if (!action) return "has no =ACTION";
    *action++ = 0;

    rule->function = text;
    rule->first = 1;
    rule->last = -1UL;
    char *number = strchr(text, ':');
    if (number) {
        *number++ = 0;
        if (!parse_number(number, &rule->first, &end) || rule->first == 0) return "counts no calls from 1";
        if (strcmp(end, "+") != 0) rule->last = rule->first;
        if (*end && strcmp(end, "+") != 0) return "counts no calls from 1";
    }
    if (strcmp(text, "*") != 0 && strcmp(text, "state") != 0 && !is_listed(text, all_functions))
        return "names no function";

    char *argument = strchr(action, ':');
    if (argument) *argument++ = 0;
    static const struct { const char *name; enum action action; bool has_argument; } actions[] = {
        {"kill-before", KILL_BEFORE, false}, {"kill-after", KILL_AFTER, false},
        {"stop-before", STOP_BEFORE, false}, {"close-all", CLOSE_ALL, false}, {"slow", SLOW, true},
        {"return", RETURN, true}, {"return-after", RETURN_AFTER, true}, {"lie", TELL_LIE, true},
    };
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(action, actions[i].name) != 0) continue;
        if (actions[i].has_argument != (argument != NULL)) return "has an argument too few or too many";
        rule->action = actions[i].action;
        switch (rule->action) {
        case SLOW:
            return parse_number(argument, &rule->argument, &end) && !*end ? NULL : "says no milliseconds";
        case RETURN:
        case RETURN_AFTER:
            return parse_return_value(argument, &rule->argument) ? NULL : "names no return value";
        case TELL_LIE:
            if (parse_lie(argument, rule->function, &rule->argument)) return NULL;
            return "names no lie of this function";
        default:
            return NULL;
        }
    }
    return "names no action";
}

bool set_plan(const char *text) {
    size_t limit = 1;
    for (const char *c = text; *c; c++) limit += *c == ';';
    struct plan *plan = calloc(1, sizeof *plan + limit * sizeof(struct rule));
    char *copy = strdup(text), *rest = copy, *part;
    if (!plan || !copy) return false;
    while ((part = strsep(&rest, ";"))) {
        part += strspn(part, " \n");
        char *end = part + strlen(part);
        while (end > part && (end[-1] == ' ' || end[-1] == '\n')) *--end = 0;
        if (!*part) continue;
        // The rules point into this copy, so it is kept; the message needs the rule as it was written.
        char *written = strdup(part);
        const char *problem = parse_rule(part, &plan->rules[plan->count++]);
        if (problem) {
            fprintf(stderr, "faulty-token: the rule `%s` %s\n", written ? written : part, problem);
            free(written);
            free(copy);
            free(plan);
            return false;
        }
        free(written);
    }
    atomic_store(&current_plan, plan);
    return true;
}

// MARK: Calls

bool set_log(const char *path) {
    int descriptor = -1;
    if (*path) {
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (descriptor < 0) {
            fprintf(stderr, "faulty-token: %s: %s\n", path, strerror(errno));
            return false;
        }
    }
    // The former descriptor stays open: another thread may be writing to it.
    atomic_store(&log_descriptor, descriptor);
    return true;
}

// Whether the plan holds now: while the file that FAULTY_TOKEN_WHILE names is there.
static bool holds(void) {
    const char *path = getenv("FAULTY_TOKEN_WHILE");
    return !path || !*path || access(path, F_OK) == 0;
}

// Whether a kill is still to be done: of all processes the first that comes to it makes FAULTY_TOKEN_ONCE's file.
static bool is_first(void) {
    const char *path = getenv("FAULTY_TOKEN_ONCE");
    if (!path || !*path) return true;
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) return false;
    close(descriptor);
    return true;
}

// As when a network HSM was started again: no session of before is known, and nobody is logged in.
static void close_all_sessions(void) {
    CK_SLOT_ID slots[64];
    CK_ULONG count = sizeof slots / sizeof *slots;
    if (real->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK) return;
    for (CK_ULONG i = 0; i < count; i++) real->C_CloseAllSessions(slots[i]);
}

_Noreturn static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static void write_log(const char *function, bool changes_state, unsigned long number) {
    int descriptor = atomic_load(&log_descriptor);
    if (descriptor < 0) return;
    char line[128];
    int length = snprintf(
        line, sizeof line, "%lu %s %s %d\n", number, function, changes_state ? "state" : "other",
        (int)getpid());
    if (write(descriptor, line, (size_t)length) != length) {
        fprintf(stderr, "faulty-token: the log cannot be written\n");
        abort();
    }
}

struct faults begin_call(const char *function) {
    const bool changes_state = is_listed(function, state_changing);
    write_log(function, changes_state, atomic_fetch_add(&calls, 1) + 1);

    struct faults faults = {0};
    struct plan *plan = atomic_load(&current_plan);
    for (size_t i = 0; plan && i < plan->count; i++) {
        struct rule *rule = &plan->rules[i];
        if (strcmp(rule->function, function) != 0 && strcmp(rule->function, "*") != 0
            && !(changes_state && strcmp(rule->function, "state") == 0))
            continue;
        unsigned long number = atomic_fetch_add(&rule->seen, 1) + 1;
        if (number < rule->first || number > rule->last) continue;
        if (rule->action != SLOW && !holds()) continue;
        switch (rule->action) {
        case KILL_BEFORE:
            if (is_first()) die();
            break;
        case KILL_AFTER:
            faults.kills_after = is_first();
            break;
        case STOP_BEFORE:
            raise(SIGSTOP);
            break;
        case CLOSE_ALL:
            close_all_sessions();
            break;
        case SLOW:
            nanosleep(
                &(struct timespec){
                    .tv_sec = (time_t)(rule->argument / 1000),
                    .tv_nsec = (long)(rule->argument % 1000) * 1000000},
                NULL);
            break;
        case RETURN:
            if (!faults.refuses) faults.refusal = rule->argument;
            faults.refuses = true;
            break;
        case RETURN_AFTER:
            if (!faults.fails_after) faults.failure = rule->argument;
            faults.fails_after = true;
            break;
        case TELL_LIE:
            faults.lies |= (unsigned)rule->argument;
            break;
        }
    }
    // Under `*` a lie is asked of every function; each keeps its own.
    unsigned own = 0;
    for (size_t i = 0; faults.lies && lies[i].name; i++)
        if (strcmp(lies[i].function, function) == 0) own |= lies[i].bit;
    faults.lies &= own;
    return faults;
}

CK_RV end_call(const struct faults *faults, CK_RV answer) {
    if (faults->kills_after) die();
    return faults->fails_after ? faults->failure : answer;
}
