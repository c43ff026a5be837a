#include <p11-kit/pkcs11.h>
#include <pthread.h>

/// Writes a device list of so many rows, `serial,mac,csr`, each with a request of a new P-256 key; answers an exit code.
int requests_make(const char *path, const char *prefix, long count);

/// Reads the requests of such a list into memory, in DER; answers an exit code.
int requests_read(const char *path);

/// Checks the proof of possession of the next `count` requests and signs a digest of each, after `warm_up` that are not
/// counted; waits at the line before the first and after the last.
void requests_certify(CK_FUNCTION_LIST_PTR p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE issuer, long count,
                      long warm_up, pthread_barrier_t *line);
