/* Asks a list through rootline_allowlist.h and prints what it was told, a line a command. client.py is its twin. */
#include "rootline_allowlist.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char message[400];

static void report(const char *command, rootline_allowlist_status status)
{
    printf("%s %" PRId32 " %s", command, status, rootline_allowlist_word(status));
}

static const uint8_t *digest(const char *hex, uint8_t room[32])
{
    if (strcmp(hex, "-") == 0) return NULL;
    for (int place = 0; place < 32; place++) {
        unsigned value = 0;
        sscanf(hex + 2 * place, "%2x", &value);
        room[place] = (uint8_t)value;
    }
    return room;
}

static void print_answer(const char *command, rootline_allowlist_status status, const rootline_allowlist_answer *a)
{
    report(command, status);
    printf(" state=%" PRId32 " key=%" PRId32 " index=%" PRIu64 " serial=%s product=%s run=%s by=%" PRIu64
           " reason=%s: %s\n",
           a->state, a->key_checked, a->entry_index, a->serial, a->product, a->run, a->replaced_by, a->reason, message);
}

struct count {
    int visited, listed, stop_after;
    char last[264];
};

static int32_t visit(void *context, const rootline_allowlist_answer *device)
{
    struct count *count = context;
    count->visited++;
    if (device->state == ROOTLINE_ALLOWLIST_LISTED) count->listed++;
    memcpy(count->last, device->serial, sizeof count->last);
    return count->visited == count->stop_after;
}

static void each(rootline_allowlist_handle list, int stop_after)
{
    struct count count = {0, 0, stop_after, ""};
    rootline_allowlist_status status =
        rootline_allowlist_each_device(list, visit, &count, message, sizeof message);
    report("each", status);
    printf(" visited=%d listed=%d last=%s: %s\n", count.visited, count.listed, count.last, message);
}

/* Everything that must not crash. */
static void misuse(const char *path, const rootline_allowlist_pins *pins, rootline_allowlist_handle list)
{
    rootline_allowlist_handle handle = 7;
    rootline_allowlist_answer answer = {.struct_size = sizeof answer, .state = ROOTLINE_ALLOWLIST_LISTED};
    rootline_allowlist_answer small = {.struct_size = 8};
    rootline_allowlist_pins short_pins = *pins;
    short_pins.struct_size = 4;
    rootline_allowlist_pins no_key = *pins;
    no_key.log_key = NULL;
    uint8_t key[32] = {1};
    char tiny[8] = "1234567";

    report("no-path", rootline_allowlist_open(NULL, pins, 0, &handle, NULL, 0));
    printf(" handle=%" PRIu64 "\n", handle);
    report("no-pins", rootline_allowlist_open(path, NULL, 0, &handle, NULL, 0));
    report(" no-handle", rootline_allowlist_open(path, pins, 0, NULL, NULL, 0));
    report(" short-pins", rootline_allowlist_open(path, &short_pins, 0, &handle, NULL, 0));
    report(" no-key", rootline_allowlist_open(path, &no_key, 0, &handle, NULL, 0));
    report(" bits", rootline_allowlist_open(path, pins, 64, &handle, NULL, 0));
    report(" not-utf8", rootline_allowlist_open("\xff", pins, 0, &handle, NULL, 0));
    printf("\n");
    report("no-serial", rootline_allowlist_lookup(list, NULL, NULL, key, &answer, NULL, 0));
    printf(" state=%" PRId32 "\n", answer.state);
    report("no-room", rootline_allowlist_lookup(list, "SN-1", NULL, key, &small, NULL, 0));
    report(" no-answer", rootline_allowlist_lookup(list, "SN-1", NULL, key, NULL, NULL, 0));
    report(" no-digest", rootline_allowlist_lookup_certificate(list, NULL, key, &answer, NULL, 0));
    report(" no-visitor", rootline_allowlist_each_device(list, NULL, NULL, NULL, 0));
    report(" no-summary", rootline_allowlist_verify(list, NULL, NULL, 0));
    report(" no-root", rootline_allowlist_checkpoint(list, NULL, NULL, NULL, 0));
    report(" sha256", rootline_allowlist_sha256(NULL, 1, key));
    printf("\n");
    report("tiny", rootline_allowlist_lookup(list, "absent", NULL, key, NULL, tiny, sizeof tiny));
    printf(": %s\n", tiny);
    rootline_allowlist_close(list);
    rootline_allowlist_close(list);
    rootline_allowlist_close(0);
    answer.state = ROOTLINE_ALLOWLIST_LISTED;
    report("closed", rootline_allowlist_lookup(list, "SN-1", NULL, key, &answer, message, sizeof message));
    printf(" state=%" PRId32 "\n", answer.state);
    report("made-up", rootline_allowlist_verify(UINT64_MAX, NULL, NULL, 0));
    report(" zero", rootline_allowlist_each_device(0, visit, NULL, NULL, 0));
    printf(" word=%s\n", rootline_allowlist_word(-1));
}

static int words(int argc, char **argv)
{
    for (int place = 2; place < argc; place++) printf("%s ", rootline_allowlist_word(atoi(argv[place])));
    printf("\n");
    return 0;
}

/* client words NUMBER… | client PATH ORIGIN KEY-FILE OPTIONS COMMAND… | client PATH - PINS-FILE OPTIONS COMMAND… */
int main(int argc, char **argv)
{
    if (rootline_allowlist_abi_version() != ROOTLINE_ALLOWLIST_ABI_VERSION) return 2;
    if (argc > 1 && strcmp(argv[1], "words") == 0) return words(argc, argv);
    if (argc < 5) return 64;
    uint8_t pem[1000];
    FILE *file = fopen(argv[3], "rb");
    if (file == NULL) return 66;
    size_t size = fread(pem, 1, sizeof pem, file);
    fclose(file);

    rootline_allowlist_pins pins = {
        .struct_size = sizeof pins, .origin = argv[2], .log_key = pem, .log_key_size = size};
    if (strcmp(argv[2], "-") == 0) pins = (rootline_allowlist_pins){.struct_size = sizeof pins, .pins_file = argv[3]};
    rootline_allowlist_handle list = 0;
    rootline_allowlist_status status =
        rootline_allowlist_open(argv[1], &pins, (uint32_t)atoi(argv[4]), &list, message, sizeof message);
    report("open", status);
    printf(": %s\n", message);
    if (status != ROOTLINE_ALLOWLIST_OK) return 1;

    for (int place = 5; place < argc; place++) {
        const char *command = argv[place];
        uint8_t first[32], second[32];
        rootline_allowlist_answer answer = {.struct_size = sizeof answer};
        if (strcmp(command, "verify") == 0) {
            rootline_allowlist_summary summary = {.struct_size = sizeof summary};
            report(command, rootline_allowlist_verify(list, &summary, message, sizeof message));
            printf(" size=%" PRIu64 " devices=%" PRIu64 " revocations=%" PRIu64 " scrapped=%" PRIu64
                   " replacements=%" PRIu64 " runs=%" PRIu64 " open=%" PRIu64 " approved=%" PRId32 ": %s\n",
                   summary.tree_size, summary.devices, summary.revocations, summary.scrapped,
                   summary.replacements, summary.runs, summary.open_runs, summary.approved, message);
        } else if (strcmp(command, "checkpoint") == 0) {
            uint64_t tree_size = 0;
            report(command, rootline_allowlist_checkpoint(list, &tree_size, first, message, sizeof message));
            printf(" size=%" PRIu64 " root=%02x%02x\n", tree_size, first[0], first[31]);
        } else if (strcmp(command, "lookup") == 0 && place + 3 < argc) {
            const char *product = strcmp(argv[place + 2], "-") == 0 ? NULL : argv[place + 2];
            status = rootline_allowlist_lookup(
                list, argv[place + 1], product, digest(argv[place + 3], first), &answer, message, sizeof message);
            print_answer(command, status, &answer);
            place += 3;
        } else if (strcmp(command, "certificate") == 0 && place + 2 < argc) {
            status = rootline_allowlist_lookup_certificate(
                list, digest(argv[place + 1], first), digest(argv[place + 2], second), &answer, message,
                sizeof message);
            print_answer(command, status, &answer);
            place += 2;
        } else if (strcmp(command, "each") == 0 && place + 1 < argc) {
            each(list, atoi(argv[++place]));
        } else if (strcmp(command, "receipt") == 0 && place + 3 < argc) {
            uint8_t receipt[4000];
            FILE *carried = fopen(argv[place + 1], "rb");
            if (carried == NULL) return 66;
            size_t length = fread(receipt, 1, sizeof receipt, carried);
            fclose(carried);
            status = rootline_allowlist_check_receipt(
                &pins, receipt, length, argv[place + 2], digest(argv[place + 3], first), &answer, message,
                sizeof message);
            print_answer(command, status, &answer);
            place += 3;
        } else if (strcmp(command, "journal") == 0 && place + 1 < argc) {
            rootline_allowlist_journal journal = 0;
            report(command, rootline_allowlist_journal_open(argv[++place], &pins, &journal, message, sizeof message));
            report(" advance", rootline_allowlist_journal_advance(journal, list, message, sizeof message));
            rootline_allowlist_journal_close(journal);
            report(" closed", rootline_allowlist_journal_advance(journal, list, NULL, 0));
            printf(": %s\n", message);
        } else if (strcmp(command, "delta") == 0 && place + 2 < argc) {
            uint64_t tree_size = 0;
            report(command, rootline_allowlist_apply_delta(
                argv[place + 1], argv[place + 2], &pins, &tree_size, NULL, message, sizeof message));
            printf(" size=%" PRIu64 ": %s\n", tree_size, message);
            place += 2;
        } else if (strcmp(command, "misuse") == 0) {
            misuse(argv[1], &pins, list);
        } else {
            return 64;
        }
    }
    rootline_allowlist_close(list);
    return 0;
}
