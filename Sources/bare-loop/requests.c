// The yardstick for devices that made their keys: proof of possession by OpenSSL's X509_REQ, and a signature by the token.
//
// As a careful C programmer writes it: requests in memory, d2i_X509_REQ, X509_REQ_verify with the request's own key,
// C_Sign. Nothing is built, looked up or kept.

#define CRYPTOKI_COMPAT 1
#include "requests.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct request {
    const unsigned char *der;
    int length;
};

static struct request *requests;
static long request_count;
// Shared by all callers, threads or processes.
static long *next_request;

static void need(int ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "bare-loop: %s\n", what);
        exit(70);
    }
}

int requests_make(const char *path, const char *prefix, long count) {
    FILE *file = fopen(path, "wx");
    if (!file) {
        perror(path);
        return 73;
    }
    fputs("serial,mac,csr\n", file);
    for (long i = 0; i < count; i++) {
        char serial[80];
        snprintf(serial, sizeof serial, "%s-%08ld", prefix, i);
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509_REQ *request = X509_REQ_new();
        need(key && request, "EVP_EC_gen");
        X509_NAME *name = X509_REQ_get_subject_name(request);
        need(X509_NAME_add_entry_by_txt(name, "serialNumber", MBSTRING_ASC, (unsigned char *)serial, -1, -1, 0) &&
                 X509_REQ_set_pubkey(request, key) && X509_REQ_sign(request, key, EVP_sha256()),
             "X509_REQ_sign");
        unsigned char *der = NULL;
        int length = i2d_X509_REQ(request, &der);
        unsigned char text[2048];
        need(length > 0 && length < 1024 && EVP_EncodeBlock(text, der, length) > 0, "i2d_X509_REQ");
        fprintf(file, "%s,02:00:00:%02lx:%02lx:%02lx,%s\n", serial, i >> 16 & 255, i >> 8 & 255, i & 255, text);
        OPENSSL_free(der);
        X509_REQ_free(request);
        EVP_PKEY_free(key);
    }
    return fclose(file) ? 74 : 0;
}

int requests_read(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        return 66;
    }
    char line[4096];
    long room = 0;
    while (fgets(line, sizeof line, file)) {
        char *text = strrchr(line, ',');
        if (!text || strncmp(line, "serial,", 7) == 0) continue;
        text++;
        text[strcspn(text, "\r\n")] = 0;
        size_t digits = strlen(text);
        unsigned char *der = malloc(digits);
        int length = der ? EVP_DecodeBlock(der, (unsigned char *)text, (int)digits) : -1;
        need(length > 0, "no base64");
        while (digits > 0 && text[--digits] == '=') length--;
        if (request_count == room) {
            room = room ? room * 2 : 4096;
            requests = realloc(requests, (size_t)room * sizeof *requests);
            need(requests != NULL, "no memory");
        }
        requests[request_count++] = (struct request){der, length};
    }
    fclose(file);
    next_request = mmap(NULL, sizeof *next_request, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return next_request == MAP_FAILED || request_count == 0 ? 66 : 0;
}

static void certify(CK_FUNCTION_LIST_PTR p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE issuer,
                    struct request received) {
    const unsigned char *position = received.der;
    X509_REQ *request = d2i_X509_REQ(NULL, &position, received.length);
    need(request && position == received.der + received.length, "d2i_X509_REQ");
    EVP_PKEY *key = X509_REQ_get0_pubkey(request);
    need(key && X509_REQ_verify(request, key) == 1, "X509_REQ_verify");
    // Something as long as a to-be-signed certificate, and other for each device.
    CK_BYTE digest[SHA256_DIGEST_LENGTH], signature[128];
    SHA256(received.der, (size_t)received.length, digest);
    CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};
    CK_ULONG size = sizeof signature;
    need(p11->C_SignInit(session, &ecdsa, issuer) == CKR_OK, "C_SignInit");
    need(p11->C_Sign(session, digest, sizeof digest, signature, &size) == CKR_OK, "C_Sign");
    X509_REQ_free(request);
}

void requests_certify(CK_FUNCTION_LIST_PTR p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE issuer, long count,
                      long warm_up, pthread_barrier_t *line) {
    for (long i = -warm_up; i < count; i++) {
        if (i == 0) pthread_barrier_wait(line);
        long number = i < 0 ? -i : __atomic_fetch_add(next_request, 1, __ATOMIC_RELAXED);
        certify(p11, session, issuer, requests[number % request_count]);
    }
    pthread_barrier_wait(line);
}
