// HTTPS with a certificate made here.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <filesystem>
#include <fstream>

#include "http/server_fixture_test.hpp"

namespace http {
namespace {

constexpr std::string_view kHello = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

// A self-signed certificate for "localhost" and its key, in one PEM file.
class Certificate {
 public:
  Certificate() : path_(std::filesystem::temp_directory_path() / fmt::format("purposepath_tls_{}.pem", getpid())) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    auto* name = X509_get_subject_name(certificate.get());
    const unsigned char host[] = "localhost";
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, host, -1, -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_X509(bio.get(), certificate.get());
    PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::ofstream(path_) << text_of(bio.get());
  }
  ~Certificate() { std::filesystem::remove(path_); }
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class TlsClient {
 public:
  explicit TlsClient(int port, int highest = 0)
      : raw_(port), context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free), ssl_(nullptr, SSL_free) {
    SSL_CTX_set_options(context_.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_max_proto_version(context_.get(), highest);
    // Lets the client offer old versions at all, so that the refusal is the server's.
    SSL_CTX_set_cipher_list(context_.get(), "DEFAULT@SECLEVEL=0");
    ssl_.reset(SSL_new(context_.get()));
    const timeval patience{10, 0};
    setsockopt(raw_.native(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    SSL_set_fd(ssl_.get(), raw_.native());
    connected_ = SSL_connect(ssl_.get()) == 1;
  }

  bool connected() const { return connected_; }
  void send(std::string_view bytes) { SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())); }
  // What comes until this text, with it, or until the end.
  std::string until(std::string_view text) {
    std::string got;
    char byte = 0;
    while (!got.ends_with(text) && SSL_read(ssl_.get(), &byte, 1) == 1) got += byte;
    return got;
  }
  void say_goodbye() { SSL_shutdown(ssl_.get()); }
  void leave() { raw_.leave(); }

 private:
  RawClient raw_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  bool connected_ = false;
};

TEST(Tls, CarriesRequestsBodiesAndStreams) {
  const Certificate certificate;
  TestServer server({.tls_certificate = certificate.path()});
  TlsClient client(server.server().port());
  ASSERT_TRUE(client.connected());
  for (int i = 0; i < 3; ++i) {
    client.send(kHello);
    EXPECT_TRUE(client.until("\"}").ends_with(R"({"hello":"you"})"));
  }
  const std::string body(300'000, 'x');
  client.send(fmt::format("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}!", body.size() + 1, body));
  EXPECT_TRUE(client.until("x!").ends_with(body + "!"));
  client.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(client.until("data: 1\n\n\r\n").ends_with("data: 1\n\n\r\n"));
  client.send(kHello);  // arrives in the midst of the stream
  server.gate.open();
  EXPECT_TRUE(client.until("0\r\n\r\n").ends_with("data: 2\n\n\r\n0\r\n\r\n"));
  EXPECT_TRUE(client.until("\"}").ends_with(R"({"hello":"you"})"));
  client.send("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(client.until("no more").ends_with(R"({"hello":"you"})"));
}

TEST(Tls, NoticesThatTheClientLeft) {
  const Certificate certificate;
  TestServer server({.tls_certificate = certificate.path()});
  TlsClient polite(server.server().port());
  TlsClient rude(server.server().port());
  for (auto* client : {&polite, &rude}) {
    client->send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    client->until("data: 1");
  }
  ASSERT_TRUE(server.gate.arrived(2));
  polite.say_goodbye();
  EXPECT_TRUE(server.gate.cancelled(1));
  rude.leave();
  EXPECT_TRUE(server.gate.cancelled(2));
}

TEST(Tls, RefusesOldVersions) {
  const Certificate certificate;
  TestServer server({.tls_certificate = certificate.path()});
  EXPECT_FALSE(TlsClient(server.server().port(), TLS1_1_VERSION).connected());
  EXPECT_TRUE(TlsClient(server.server().port(), TLS1_2_VERSION).connected());
}

TEST(Tls, EndsAHandshakeThatDoesNotCome) {
  const Certificate certificate;
  TestServer server({.header_timeout = base::Milliseconds(40), .tls_certificate = certificate.path()});
  EXPECT_TRUE(server.client().ended());
  auto plain = server.client();
  plain.send(kHello);
  EXPECT_EQ(plain.response().status, 0) << "plain HTTP on a TLS port is no request";
}

}  // namespace
}  // namespace http
