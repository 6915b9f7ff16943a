#include "http/testing.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <filesystem>

namespace rowgate::http {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace)

using Key = std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&::X509_free)>;
using File = std::unique_ptr<std::FILE, decltype(&std::fclose)>;

Key make_key() {
  return {::EVP_EC_gen("P-256"), ::EVP_PKEY_free};
}

/// Signed by itself, for "localhost", valid for an hour.
Certificate make_certificate(EVP_PKEY* key) {
  Certificate made(::X509_new(), ::X509_free);
  ::X509_set_version(made.get(), 2);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(made.get()), 1);
  ::X509_gmtime_adj(::X509_getm_notBefore(made.get()), 0);
  ::X509_gmtime_adj(::X509_getm_notAfter(made.get()), 3600);
  ::X509_set_pubkey(made.get(), key);
  X509_NAME* name = ::X509_get_subject_name(made.get());
  const auto* host = reinterpret_cast<const unsigned char*>("localhost");
  ::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0);
  ::X509_set_issuer_name(made.get(), name);
  ::X509_sign(made.get(), key, ::EVP_sha256());
  return made;
}

class Tls : public ::testing::Test {
 protected:
  Tls() {
    folder_ = std::filesystem::temp_directory_path() / ("rowgate-tls." + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
    const Key key = make_key(), other = make_key();
    write_key("key.pem", key.get());
    write_key("other.pem", other.get());
    const Certificate certificate = make_certificate(key.get());
    const File file(std::fopen(path("certificate.pem").c_str(), "w"), &std::fclose);
    ::PEM_write_X509(file.get(), certificate.get());
    client_ = ::SSL_CTX_new(::TLS_client_method());
    settings_.tls_certificate = path("certificate.pem");
    settings_.tls_key = path("key.pem");
    settings_.listeners = {{"127.0.0.1", 0, false}, {"127.0.0.1", 0, true}};
  }
  ~Tls() override {
    ::SSL_CTX_free(client_);
    std::filesystem::remove_all(folder_);
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write_key(const std::string& name, EVP_PKEY* key) const {
    const File file(std::fopen(path(name).c_str(), "w"), &std::fclose);
    ::PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  }

  std::filesystem::path folder_;
  SSL_CTX* client_ = nullptr;
  ServerSettings settings_;
  FakeApplication application_;
};

TEST_F(Tls, AnswersAsWithoutIt) {
  application_.on_answer("who", [](Request& request, const std::string&) {
    return text_response(request.tls ? "tls" : "plain");
  });
  const RunningServer server(application_, settings_);
  Client client(server.port(), client_);
  ASSERT_TRUE(client.is_shaken());
  EXPECT_STREQ(::SSL_get_version(client.tls()), "TLSv1.3");
  client.send(get("/who") + post("/p", "hello") + post_chunked("/p", "5\r\nhello\r\n0\r\n\r\n"));
  EXPECT_EQ(client.read_answer().body, "tls");
  EXPECT_EQ(client.read_answer().body, "POST /p [hello]");
  EXPECT_EQ(client.read_answer().body, "POST /p [hello]");
  const std::string large(3'000'000, 'x');
  client.send(post("/p", large, "Connection: close\r\n"));
  EXPECT_EQ(client.read_answer().body, "POST /p [" + large + "]");
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_TRUE((::SSL_get_shutdown(client.tls()) & SSL_RECEIVED_SHUTDOWN) != 0);  // an end, not a cut
  Client admin(server.port(1));
  admin.send(get("/who"));
  EXPECT_EQ(admin.read_answer().body, "plain");
}

TEST_F(Tls, LetsAClientReadAnEarlyAnswer) {
  application_.on_begin("denied", [](Request&) { return text_response("no", 403); });
  const RunningServer server(application_, settings_);
  Client client(server.port(), client_);
  client.send("POST /denied HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n");
  const std::string piece(100'000, 'x');
  for (int i = 0; i < 200; ++i)
    if (!client.send(piece)) break;
  EXPECT_EQ(client.read_answer().status, 403);
}

TEST_F(Tls, TalksAboutHttp11Only) {
  const RunningServer server(application_, settings_);
  const auto offer = [&](std::string_view protocols) {
    ::SSL_CTX_set_alpn_protos(client_, reinterpret_cast<const unsigned char*>(protocols.data()),
                              static_cast<unsigned>(protocols.size()));
  };
  offer("\x02h2\x08http/1.1");
  Client both(server.port(), client_);
  ASSERT_TRUE(both.is_shaken());
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  ::SSL_get0_alpn_selected(both.tls(), &chosen, &size);
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(chosen), size), "http/1.1");
  offer("\x02h2");
  const Client none(server.port(), client_);
  EXPECT_FALSE(none.is_shaken());
}

TEST_F(Tls, RefusesOldVersions) {
  const RunningServer server(application_, settings_);
  ::SSL_CTX_set_security_level(client_, 0);
  ::SSL_CTX_set_min_proto_version(client_, TLS1_VERSION);
  ::SSL_CTX_set_max_proto_version(client_, TLS1_1_VERSION);
  EXPECT_FALSE(Client(server.port(), client_).is_shaken());
  ::SSL_CTX_set_max_proto_version(client_, TLS1_2_VERSION);
  EXPECT_TRUE(Client(server.port(), client_).is_shaken());
}

TEST_F(Tls, OffersOnlySuitesWithForwardSecrecyAndAuthenticatedEncryption) {
  const RunningServer server(application_, settings_);
  ::SSL_CTX_set_security_level(client_, 0);
  ::SSL_CTX_set_max_proto_version(client_, TLS1_2_VERSION);
  const auto takes = [&](const char* suite) {
    EXPECT_EQ(::SSL_CTX_set_cipher_list(client_, suite), 1) << suite;
    return Client(server.port(), client_).is_shaken();
  };
  EXPECT_TRUE(takes("ECDHE-ECDSA-AES128-GCM-SHA256"));
  EXPECT_TRUE(takes("ECDHE-ECDSA-CHACHA20-POLY1305"));
  EXPECT_FALSE(takes("ECDHE-ECDSA-AES128-SHA"));
  EXPECT_FALSE(takes("ECDHE-ECDSA-AES256-SHA384"));
}

TEST_F(Tls, EndsAHandshakeThatDoesNotCome) {
  settings_.header_timeout = 100ms;
  const RunningServer server(application_, settings_);
  Client client(server.port());
  EXPECT_TRUE(client.is_ended());
}

TEST_F(Tls, AnswersNothingToPlainHttp) {
  const RunningServer server(application_, settings_);
  Client client(server.port());
  client.send(get("/x"));
  EXPECT_EQ(client.read_answer().status, 0);
  EXPECT_EQ(application_.begun, 0);
}

TEST_F(Tls, SaysWhichFileIsWrong) {
  const auto error_of = [&](const std::string& certificate, const std::optional<std::string>& key) {
    settings_.tls_certificate = path(certificate);
    settings_.tls_key = key;
    Server server(application_, settings_);
    const Result<void> listening = server.listen();
    EXPECT_FALSE(listening);
    if (listening) return std::string();
    EXPECT_EQ(listening.error().code, Code::ConfigInvalid);
    return listening.error().message;
  };
  EXPECT_TRUE(error_of("none.pem", path("key.pem")).starts_with("the TLS certificate '"));
  EXPECT_TRUE(error_of("certificate.pem", path("none.pem")).starts_with("the TLS key '"));
  EXPECT_TRUE(error_of("certificate.pem", path("other.pem")).contains("mismatch"));
  EXPECT_EQ(error_of("certificate.pem", std::nullopt), "server.tls needs both a certificate and a key");
}

}  // namespace
}  // namespace rowgate::http
