// The standard's own names (CK_RV, CK_SESSION_HANDLE) instead of p11-kit's.
#define CRYPTOKI_COMPAT 1
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
