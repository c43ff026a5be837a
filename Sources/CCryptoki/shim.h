// The standard's own names (CK_RV, CK_SESSION_HANDLE) instead of p11-kit's.
#define CRYPTOKI_COMPAT 1
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

// prctl takes variable arguments, which Swift cannot call. A process that cannot be dumped leaves no core file,
// whoever core_pattern pipes it to, and other processes of the same user cannot attach to it.
#include <sys/prctl.h>
static inline int rootline_forbid_dumps(void) {
    return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
