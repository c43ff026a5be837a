/*
 * rootline_allowlist.h: may this device join? The signed list of devices, asked from C.
 *
 * Open a list with what you decided to trust (the pins), verify it once, and ask for devices by serial and key.
 * The library reads files and checks signatures; it opens no network connection, starts no process and writes
 * nothing but what a function here says.
 *
 * Results. Every function that can fail returns a rootline_allowlist_status: 0 and nothing else means yes.
 * rootline_allowlist_lookup* return 0 only for a device that is on the list now and has the key of the question, so
 * that a caller who looks at nothing but the result never lets a revoked device in. Where `message` is not NULL,
 * a failing function writes a text for a person there: UTF-8, at most `message_size` bytes with the NUL at its
 * end, cut between characters; a function that succeeds writes the empty text. The words of the codes (for
 * programs, logs and tests) are those of the specification: see rootline_allowlist_word.
 *
 * Ownership. The library never gives memory to the caller nor keeps any of the caller's: it copies what it is
 * given before it returns, and fills structures that the caller owns. The only thing to give back is an open
 * list, with rootline_allowlist_close.
 *
 * Handles. An open list is a number, never 0 and never used twice by a process. A number that is not open (0,
 * closed, made up) is answered with ROOTLINE_ALLOWLIST_CLOSED.
 *
 * NULL. A NULL where something must be given is answered with ROOTLINE_ALLOWLIST_INVALID_ARGUMENT. Arguments
 * that may be NULL say so.
 *
 * Threads. Every function may be called from any thread at any time, for the same list too. A list that is
 * closed while another thread uses it stays open until that call returns. The visitor of
 * rootline_allowlist_each_device runs in the thread that called it and may call any function of the library.
 *
 * Files. A list stays mapped into memory while it is open. Do not write over it: put a newer one elsewhere and
 * open that. A mapped file that is cut short ends the process (SIGBUS).
 *
 * Growing. Structures begin with their size, which the caller sets to sizeof; later versions add members at the
 * end only and fill no more than the caller has room for. Numbers of codes are never given another meaning.
 * rootline_allowlist_abi_version tells a breaking change, of which none is planned.
 */
#ifndef ROOTLINE_ALLOWLIST_H
#define ROOTLINE_ALLOWLIST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header; compare it with rootline_allowlist_abi_version(). */
#define ROOTLINE_ALLOWLIST_ABI_VERSION 1

/* An open list. */
typedef uint64_t rootline_allowlist_handle;

/* What a function found. */
typedef int32_t rootline_allowlist_status;

enum {
    /* Done; from a lookup: the device is on the list, and it is the one with this key. */
    ROOTLINE_ALLOWLIST_OK = 0,
    /* A lookup's answer is no: not listed, revoked, scrapped or replaced; `state` and `reason` say which. */
    ROOTLINE_ALLOWLIST_REFUSED = 1,
    /* The serial is on the list, but the key was not asked for: anybody can claim a serial. */
    ROOTLINE_ALLOWLIST_KEY_UNCHECKED = 2,
    /* A visitor asked to stop. */
    ROOTLINE_ALLOWLIST_STOPPED = 3,
    /* An argument is NULL, not UTF-8, of the wrong size or unknown. */
    ROOTLINE_ALLOWLIST_INVALID_ARGUMENT = 4,
    /* The handle is not that of an open list. */
    ROOTLINE_ALLOWLIST_CLOSED = 5,
    /* A refusal that this version of the interface has no number for; `message` names it. */
    ROOTLINE_ALLOWLIST_OTHER = 6,
    /* The key is on the list, but in a log of hashed serials and without its serial key nobody can say that it is
     * the device with this serial. */
    ROOTLINE_ALLOWLIST_SERIAL_UNCHECKED = 7,

    /* The refusals of the specification, by its words. */
    ROOTLINE_ALLOWLIST_PINS = 32,
    ROOTLINE_ALLOWLIST_FILE_MISSING = 33,
    ROOTLINE_ALLOWLIST_FILE_ACCESS = 34,
    ROOTLINE_ALLOWLIST_FILE_SIZE = 35,
    ROOTLINE_ALLOWLIST_CHECKPOINT_MALFORMED = 36,
    ROOTLINE_ALLOWLIST_CHECKPOINT_SIGNATURE = 37,
    ROOTLINE_ALLOWLIST_CHECKPOINT_ORIGIN = 38,
    ROOTLINE_ALLOWLIST_CHECKPOINT_TEXT = 39,
    ROOTLINE_ALLOWLIST_REHEARSAL = 40,
    ROOTLINE_ALLOWLIST_TILE_MISMATCH = 41,
    ROOTLINE_ALLOWLIST_ENTRY_MISMATCH = 42,
    ROOTLINE_ALLOWLIST_ENTRIES_MALFORMED = 43,
    ROOTLINE_ALLOWLIST_ROOT_MISMATCH = 44,
    ROOTLINE_ALLOWLIST_ENTRY_MALFORMED = 45,
    ROOTLINE_ALLOWLIST_ENTRY_REFERENCE = 46,
    ROOTLINE_ALLOWLIST_RUN = 47,
    ROOTLINE_ALLOWLIST_QUANTITY = 48,
    ROOTLINE_ALLOWLIST_SEAL = 49,
    ROOTLINE_ALLOWLIST_DUPLICATE = 50,
    ROOTLINE_ALLOWLIST_STATE = 51,
    ROOTLINE_ALLOWLIST_SEGMENT = 52,
    ROOTLINE_ALLOWLIST_AUTHORISATION = 53,
    ROOTLINE_ALLOWLIST_SIGNER_ROTATED = 54,
    ROOTLINE_ALLOWLIST_AMBIGUOUS_SERIAL = 55,
    ROOTLINE_ALLOWLIST_PUBLICATION = 56,
    ROOTLINE_ALLOWLIST_CHECKPOINT_OLDER = 57,
    ROOTLINE_ALLOWLIST_CHECKPOINT_FORK = 58,
    ROOTLINE_ALLOWLIST_SIGNER_FUTURE = 59,
    ROOTLINE_ALLOWLIST_ROTATION = 60,
    ROOTLINE_ALLOWLIST_APPROVAL = 61,
    ROOTLINE_ALLOWLIST_ROSTER = 62,
    ROOTLINE_ALLOWLIST_WITNESS_QUORUM = 63,
    ROOTLINE_ALLOWLIST_WITNESS_SIGNATURE = 64,
    ROOTLINE_ALLOWLIST_STALE = 65,
    ROOTLINE_ALLOWLIST_RECEIPT_MALFORMED = 66,
    ROOTLINE_ALLOWLIST_RECEIPT_PROOF = 67,
    ROOTLINE_ALLOWLIST_ABSENCE_MALFORMED = 68,
    ROOTLINE_ALLOWLIST_ABSENCE_PROOF = 69,
    ROOTLINE_ALLOWLIST_ARCHIVE = 70,
    ROOTLINE_ALLOWLIST_BUNDLE_CHANGED = 71,
    ROOTLINE_ALLOWLIST_DELTA_BASE = 72,
    ROOTLINE_ALLOWLIST_DELTA = 73,
    ROOTLINE_ALLOWLIST_JOURNAL_MALFORMED = 74,
    ROOTLINE_ALLOWLIST_JOURNAL_CHAIN = 75,
    ROOTLINE_ALLOWLIST_SERIAL_KEY = 76,
    ROOTLINE_ALLOWLIST_RECEIPT_DEVICE = 77,
    ROOTLINE_ALLOWLIST_WITNESS_STATE = 78,
    ROOTLINE_ALLOWLIST_CANNOT_CREATE = 79,
    ROOTLINE_ALLOWLIST_JOURNAL_CUT = 80,
    ROOTLINE_ALLOWLIST_JOURNAL_PINS = 81,
    ROOTLINE_ALLOWLIST_JOURNAL_CHECKPOINT = 82,
    ROOTLINE_ALLOWLIST_JOURNAL_LOCKED = 83,
    ROOTLINE_ALLOWLIST_JOURNAL_FILE = 84
};

/* What the consumer decided to trust before it saw the list. */
typedef struct {
    /* sizeof(rootline_allowlist_pins). */
    size_t struct_size;
    /* The log's identity, the first line of its checkpoints; UTF-8. */
    const char *origin;
    /* The log's P-256 public key: SubjectPublicKeyInfo in DER, or a PEM `PUBLIC KEY`. */
    const uint8_t *log_key;
    size_t log_key_size;
    /* Not 0: accept a rehearsal's list, whose devices are not real. */
    int32_t allow_rehearsal;
    int32_t reserved;
    /* The 32 octets of the log's serial key, where the log lists hashed serials and you were given it; or NULL. */
    const uint8_t *serial_key;
    /* The path of a pins file, as `rootline allowlist pins` writes it, which may also name the roster, witnesses and
     * the greatest age; `origin` and `log_key` are NULL then. Or NULL. */
    const char *pins_file;
} rootline_allowlist_pins;

/* What opening does beyond the checkpoint's signature; add them up. */
enum {
    /* Read the index and compare it with the signed state: about a second for a million devices. Without it,
     * that a device or a revocation is absent rests on index files that nobody checked. */
    ROOTLINE_ALLOWLIST_CHECK_INDEX = 1,
    /* Verify the whole list as rootline_allowlist_verify does, and open it only then. */
    ROOTLINE_ALLOWLIST_VERIFY = 2
};

/* The latest state of a device. */
enum {
    ROOTLINE_ALLOWLIST_NOT_LISTED = 0,
    ROOTLINE_ALLOWLIST_LISTED = 1,
    ROOTLINE_ALLOWLIST_REVOKED = 2,
    ROOTLINE_ALLOWLIST_SCRAPPED = 3,
    ROOTLINE_ALLOWLIST_REPLACED = 4
};

/* An index or a time that does not apply. */
#define ROOTLINE_ALLOWLIST_NONE UINT64_MAX

/* What the list says about a device. Texts are UTF-8 and end with a NUL; they are never cut. */
typedef struct {
    /* sizeof(rootline_allowlist_answer), set by the caller. */
    size_t struct_size;
    /* The place of the device's entry in the log, or NONE. */
    uint64_t entry_index;
    /* When the certificate expires, UTC seconds since 1970 (the year 9999: never), or NONE. */
    uint64_t not_after;
    /* From when the last event counts (revocation, scrapping, replacement), UTC seconds since 1970, or NONE. */
    uint64_t event_time;
    /* The place of the entry of the device that replaced this one, or NONE. */
    uint64_t replaced_by;
    /* The checkpoint that the answer is about: entries in the log, and its root. */
    uint64_t tree_size;
    uint8_t root[32];
    /* SHA-256 of the device key's SubjectPublicKeyInfo and of the certificate; zeros where not listed. */
    uint8_t key_sha256[32];
    uint8_t certificate_sha256[32];
    /* One of the states above. */
    int32_t state;
    /* 1 if the question named the device's key. */
    int32_t key_checked;
    /* 1 if the key is for registration only and must be replaced at onboarding. */
    int32_t rotates;
    /* 1 if the serial, or its hash, is the one of the question. */
    int32_t serial_checked;
    char run[136];
    char product[136];
    /* Empty where the log lists hashed serials. */
    char serial[264];
    /* Why the state is not "listed". */
    char reason[264];
} rootline_allowlist_answer;

/* What a full verification found. */
typedef struct {
    /* sizeof(rootline_allowlist_summary), set by the caller. */
    size_t struct_size;
    uint64_t tree_size;
    uint8_t root[32];
    /* Entries of each kind. */
    uint64_t devices;
    uint64_t revocations;
    uint64_t scrapped;
    uint64_t replacements;
    uint64_t runs;
    /* Runs without a seal yet. */
    uint64_t open_runs;
    /* 1 if approvers that the consumer pinned signed every run's authorisation; 0 if that is only claimed. */
    int32_t approved;
    /* 1 if the list is a rehearsal's. */
    int32_t rehearsal;
} rootline_allowlist_summary;

/* The interface's version in the library that was loaded. */
uint32_t rootline_allowlist_abi_version(void);

/* The word for a code, such as "checkpoint-signature"; "unknown" for a number that is none. The text lives as
 * long as the library. */
const char *rootline_allowlist_word(rootline_allowlist_status status);

/* SHA-256 of `size` bytes, for those who have no other; `bytes` may be NULL where `size` is 0. */
rootline_allowlist_status rootline_allowlist_sha256(const uint8_t *bytes, size_t size, uint8_t digest[32]);

/* Opens the list at `path`, a folder or a .tar. Checks the checkpoint against the pins and proves the log's last
 * entry; `options` ask for more. On success `*handle` is the open list, otherwise 0. */
rootline_allowlist_status rootline_allowlist_open(
    const char *path, const rootline_allowlist_pins *pins, uint32_t options,
    rootline_allowlist_handle *handle, char *message, size_t message_size);

/* Gives an open list back. Any other number is left alone. */
void rootline_allowlist_close(rootline_allowlist_handle handle);

/* Verifies the whole list: every entry is there and well formed, quantities and seals hold, nothing is listed
 * twice, the index is complete. Seconds for a million devices. `summary` may be NULL. */
rootline_allowlist_status rootline_allowlist_verify(
    rootline_allowlist_handle handle, rootline_allowlist_summary *summary, char *message,
    size_t message_size);

/* The checkpoint of an open list: keep it and refuse an older one. `size` and `root` may be NULL. */
rootline_allowlist_status rootline_allowlist_checkpoint(
    rootline_allowlist_handle handle, uint64_t *size, uint8_t root[32], char *message, size_t message_size);

/* Asks for a device by its serial (UTF-8) and SHA-256 of its key's SubjectPublicKeyInfo. `product` may be NULL;
 * it is needed only where several products use the serial and there is no key. `key_sha256` may be NULL, and
 * then the result is never OK. `answer` may be NULL. */
rootline_allowlist_status rootline_allowlist_lookup(
    rootline_allowlist_handle handle, const char *serial, const char *product, const uint8_t key_sha256[32],
    rootline_allowlist_answer *answer, char *message, size_t message_size);

/* Asks for a device by SHA-256 of its certificate (DER) and of its key's SubjectPublicKeyInfo. */
rootline_allowlist_status rootline_allowlist_lookup_certificate(
    rootline_allowlist_handle handle, const uint8_t certificate_sha256[32], const uint8_t key_sha256[32],
    rootline_allowlist_answer *answer, char *message, size_t message_size);

/* Is called for one device; `device` is valid until it returns. Not 0 stops. */
typedef int32_t (*rootline_allowlist_visitor)(void *context, const rootline_allowlist_answer *device);

/* Calls `visitor` for every device in the order of the log, with its latest state, after the whole log was
 * proven to the signed root. Reads the list twice. `context` may be NULL. If the files change while they are
 * read, the rest is not visited and the result says so: then do not use what was visited. */
rootline_allowlist_status rootline_allowlist_each_device(
    rootline_allowlist_handle handle, rootline_allowlist_visitor visitor, void *context, char *message,
    size_t message_size);

/* Checks a receipt that a device carries, from the pins alone: the pinned log lists the device with this key, and
 * with this serial (`serial` may be NULL). OK says that it was listed at the receipt's checkpoint: no receipt can
 * show that the device was not revoked since. `answer` may be NULL. */
rootline_allowlist_status rootline_allowlist_check_receipt(
    const rootline_allowlist_pins *pins, const uint8_t *receipt, size_t receipt_size, const char *serial,
    const uint8_t key_sha256[32], rootline_allowlist_answer *answer, char *message, size_t message_size);

/* Grows the list in `folder` by the delta in the .tar `delta`, and verifies it whole before the new checkpoint takes
 * the old one's place; a folder that is not there is made. The list must not be open while it grows: close it first.
 * `size` and `root` tell the new checkpoint and may be NULL. */
rootline_allowlist_status rootline_allowlist_apply_delta(
    const char *folder, const char *delta, const rootline_allowlist_pins *pins, uint64_t *size, uint8_t root[32],
    char *message, size_t message_size);

/* An open journal: what the service accepted and knew, line by line on the disk. */
typedef uint64_t rootline_allowlist_journal;

/* Opens the journal at `path`, or begins one, and checks its chain. One process at a time. */
rootline_allowlist_status rootline_allowlist_journal_open(
    const char *path, const rootline_allowlist_pins *pins, rootline_allowlist_journal *journal, char *message,
    size_t message_size);

void rootline_allowlist_journal_close(rootline_allowlist_journal journal);

/* Accepts the checkpoint of an open list: it must extend the last one, else CHECKPOINT_OLDER or CHECKPOINT_FORK, the
 * latter with both notes in the journal as evidence. */
rootline_allowlist_status rootline_allowlist_journal_advance(
    rootline_allowlist_journal journal, rootline_allowlist_handle handle, char *message, size_t message_size);

#ifdef __cplusplus
}
#endif
#endif
