#include "http/tls.h"

#include "base/text.h"

#include <openssl/ssl.h>

#include <array>

namespace rowgate::http {

namespace {

namespace ssl = boost::asio::ssl;

constexpr std::array<unsigned char, 9> kHttp11 = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

constexpr const char* kSuites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

/// A client that speaks no HTTP/1.1 is told so in the handshake (RFC 7301 section 3.2).
int select_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned offered_size, void*) {
  unsigned char* found = nullptr;
  if (::SSL_select_next_proto(&found, size, kHttp11.data(), kHttp11.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

std::unexpected<Error> cannot(std::string_view what, const std::string& file, const std::string& why) {
  return fail(Code::ConfigInvalid,
              "the TLS " + std::string(what) + " '" + shown(file) + "' cannot be used: " + why,
              "server.tls names a certificate chain and its key, both as PEM");
}

}  // namespace

Result<ssl::context> tls_context(const std::string& certificate, const std::string& key) {
  ssl::context context(ssl::context::tls_server);
  boost::system::error_code error;
  (void)context.use_certificate_chain_file(certificate, error);
  if (error) return cannot("certificate", certificate, error.message());
  (void)context.use_private_key_file(key, ssl::context::pem, error);
  if (error) return cannot("key", key, error.message());
  SSL_CTX* handle = context.native_handle();
  if (::SSL_CTX_check_private_key(handle) != 1) return cannot("key", key, "it is not the certificate's");
  ::SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
  // Of TLS 1.2 only what has forward secrecy and is authenticated as a whole; the suites of 1.3 all are.
  if (::SSL_CTX_set_cipher_list(handle, kSuites) != 1) return cannot("suites", key, "the library lacks them");
  ::SSL_CTX_set_options(handle, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  ::SSL_CTX_set_mode(handle, SSL_MODE_RELEASE_BUFFERS);  // 34 KiB less for each idle connection
  ::SSL_CTX_set_alpn_select_cb(handle, select_protocol, nullptr);
  return context;
}

}  // namespace rowgate::http
