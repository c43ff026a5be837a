import ArgumentParser
import COpenSSL
import CCryptoki
import CLibP11
print(CKM_ECDSA, CKR_PIN_INCORRECT, CK_RV(0))
