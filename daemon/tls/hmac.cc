#include "tls/hmac.h"

#include <exception>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

namespace otto::tls {

Result<Secret> make_secret() {
    Secret secret{};
    // The kernel gives so few bytes all at once. OpenSSL's own generator would only cost memory in
    // the processes that need no more than a key.
    if (getrandom(secret.data(), secret.size(), 0) != static_cast<ssize_t>(secret.size()))
        return Error::from_errno("cannot get random numbers from the system");
    return secret;
}

Digest hmac_sha256(std::string_view key, std::string_view message) {
    Digest digest{};
    // Fails only when there is no memory. A digest of zeros could be forged.
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(),
             nullptr) == nullptr)
        std::terminate();
    return digest;
}

Digest hmac_sha256(const Secret& key, std::string_view message) {
    return hmac_sha256(std::string_view(reinterpret_cast<const char*>(key.data()), key.size()),
                       message);
}

bool equal_secrets(std::string_view left, std::string_view right) {
    return left.size() == right.size() &&
           CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace otto::tls
