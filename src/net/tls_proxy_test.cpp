// The client through TLS and through proxies, against servers in this process.
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "net/failure.hpp"
#include "net/http_client.hpp"
#include "net/impostor_test.hpp"

namespace net {
namespace {

namespace asio = boost::asio;
using base::Task;
using namespace std::chrono_literals;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};

// A self-signed certificate for `names` ("DNS:localhost,IP:127.0.0.1"), made for one test.
class Certificate {
 public:
  explicit Certificate(const std::string& names) : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
    auto* x509 = certificate_.get();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key_.get());
    auto* name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("impostor"), -1, -1, 0);
    X509_set_issuer_name(x509, name);
    std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()));
    X509_add_ext(x509, extension.get(), -1);
    X509_sign(x509, key_.get(), EVP_sha256());
    write_pem();
  }
  ~Certificate() { std::filesystem::remove(file_); }

  const std::string& file() const { return file_; }
  asio::ssl::context& server_context() {
    SSL_CTX_use_certificate(context_.native_handle(), certificate_.get());
    SSL_CTX_use_PrivateKey(context_.native_handle(), key_.get());
    return context_;
  }

 private:
  void write_pem() {
    file_ = (std::filesystem::temp_directory_path() / "impostor-XXXXXX").string();
    const int descriptor = mkstemp(file_.data());
    std::unique_ptr<FILE, Freer<fclose>> file(fdopen(descriptor, "w"));
    PEM_write_X509(file.get(), certificate_.get());
  }

  std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>> key_;
  std::unique_ptr<X509, Freer<X509_free>> certificate_;
  asio::ssl::context context_{asio::ssl::context::tls_server};
  std::string file_;
};

struct TlsTest : testing::Test {
  asio::io_context context{1};

  static std::string https(const Impostor& server, const std::string& host = "localhost") {
    return "https://" + host + ":" + std::to_string(server.port()) + "/";
  }
  static Script over_tls(asio::ssl::context& with, const Script& then) {
    return [&with, then](Peer& peer) -> Task<void> {
      if (co_await peer.accept_tls(with)) co_await then(peer);
    };
  }
  base::Error failure(HttpClient& client, const HttpRequest& request) {
    try {
      await(context, client.send(request));
    } catch (const base::Error& error) {
      return error;
    }
    ADD_FAILURE() << "the call did not fail";
    return {base::Code::internal_error, ""};
  }
};

TEST_F(TlsTest, RefusesACertificateNobodyVouchesFor) {
  Certificate certificate("DNS:localhost");
  Impostor server(context, over_tls(certificate.server_context(), always(ok("x"))));
  HttpClient client({}, ProxyRules{});
  const auto error = failure(client, {.url = parse_url(https(server))});
  EXPECT_EQ(failed_stage(error), Stage::tls) << error.message;
  EXPECT_FALSE(timed_out(error));
  EXPECT_NE(error.message.find("self-signed"), error.message.npos) << error.message;
  EXPECT_NE(error.message.find("ca_file"), error.message.npos) << error.message;
}

TEST_F(TlsTest, AcceptsACertificateOfAnAuthorityInTheGivenFileAndKeepsTheConnection) {
  Certificate certificate("DNS:localhost,IP:127.0.0.1");
  Impostor server(context, over_tls(certificate.server_context(), always(ok(std::string(200'000, 'x')))));
  HttpClient client({.ca_file = certificate.file()}, ProxyRules{});
  for (int i = 0; i < 3; ++i) {
    HttpRequest request{.method = "POST", .url = parse_url(https(server)), .body = std::string(100'000, 'y')};
    EXPECT_EQ(await(context, client.send(request)).body.size(), 200'000U);
  }
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(await(context, client.send({.url = parse_url(https(server, "127.0.0.1"))})).status, 200);
}

TEST_F(TlsTest, RefusesACertificateForAnotherHost) {
  Certificate certificate("DNS:example.com");
  Impostor server(context, over_tls(certificate.server_context(), always(ok("x"))));
  HttpClient client({.ca_file = certificate.file()}, ProxyRules{});
  for (const auto* host : {"localhost", "127.0.0.1"}) {
    const auto error = failure(client, {.url = parse_url(https(server, host))});
    EXPECT_EQ(failed_stage(error), Stage::tls) << error.message;
    EXPECT_NE(error.message.find("mismatch"), error.message.npos) << error.message;
  }
}

TEST_F(TlsTest, RefusesOldVersions) {
  Certificate certificate("DNS:localhost");
  auto& old = certificate.server_context();
  SSL_CTX_set_min_proto_version(old.native_handle(), TLS1_VERSION);
  SSL_CTX_set_max_proto_version(old.native_handle(), TLS1_1_VERSION);
  SSL_CTX_set_security_level(old.native_handle(), 0);
  Impostor server(context, over_tls(old, always(ok("x"))));
  HttpClient client({.ca_file = certificate.file()}, ProxyRules{});
  EXPECT_EQ(failed_stage(failure(client, {.url = parse_url(https(server))})), Stage::tls);
}

TEST_F(TlsTest, EndsTheWaitForAServerThatDoesNotShakeHands) {
  Impostor server(context, [](Peer& peer) { return peer.until_closed(); });
  HttpClient client({}, ProxyRules{});
  HttpRequest request{.url = parse_url(https(server))};
  request.timeouts.connect = 40ms;
  const auto error = failure(client, request);
  EXPECT_EQ(failed_stage(error), Stage::tls) << error.message;
  EXPECT_TRUE(timed_out(error));
}

TEST_F(TlsTest, ReportsAServerThatSpeaksNoTls) {
  Impostor server(context, [](Peer& peer) -> Task<void> {
    co_await peer.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    co_await peer.until_closed();
  });
  HttpClient client({}, ProxyRules{});
  EXPECT_EQ(failed_stage(failure(client, {.url = parse_url(https(server))})), Stage::tls);
}

TEST_F(TlsTest, NamesAnAuthorityFileItCannotRead) {
  Impostor server(context, [](Peer& peer) { return peer.until_closed(); });
  HttpClient client({.ca_file = "/no/such/file.pem"}, ProxyRules{});
  const auto error = failure(client, {.url = parse_url(https(server))});
  EXPECT_NE(error.message.find("/no/such/file.pem"), error.message.npos) << error.message;
}

TEST_F(TlsTest, TakesABodyWithoutLengthAsCutOffWhenTheEndIsNotSaid) {
  Certificate certificate("DNS:localhost");
  Impostor server(context, over_tls(certificate.server_context(), [](Peer& peer) -> Task<void> {
                    co_await peer.read_request();
                    co_await peer.send("HTTP/1.1 200 OK\r\n\r\npart");  // and then no close_notify
                  }));
  HttpClient client({.ca_file = certificate.file()}, ProxyRules{});
  EXPECT_EQ(failed_stage(failure(client, {.url = parse_url(https(server))})), Stage::response);
}

struct ProxyTest : TlsTest {
  static ProxyRules through(const Impostor& proxy, const std::string& user = "") {
    const auto url = parse_url("http://" + user + "127.0.0.1:" + std::to_string(proxy.port()));
    return {.for_http = url, .for_https = url, .direct = {}};
  }
};

TEST_F(ProxyTest, GetsTheWholeUrlOfAPlainRequest) {
  std::string seen;
  Impostor proxy(context, [&](Peer& peer) -> Task<void> {
    seen = co_await peer.read_request();
    co_await peer.send(ok("from the proxy"));
  });
  HttpClient client({}, through(proxy, "me:secret@"));
  EXPECT_EQ(await(context, client.send({.url = parse_url("http://far.example:8080/a?b")})).body, "from the proxy");
  EXPECT_TRUE(
      seen.starts_with("GET http://far.example:8080/a?b HTTP/1.1\r\nHost: far.example:8080\r\n"
                       "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"))
      << seen;
}

// A proxy that speaks for a TLS server of its own after CONNECT.
TEST_F(ProxyTest, TunnelsTlsAndKeepsTheTunnel) {
  Certificate certificate("DNS:far.example");
  std::string connect;
  std::string inner;
  Impostor proxy(context, [&](Peer& peer) -> Task<void> {
    connect = co_await peer.read_request();
    co_await peer.send("HTTP/1.1 200 Connection established\r\n\r\n");
    if (!co_await peer.accept_tls(certificate.server_context())) co_return;
    for (;;) {
      auto request = co_await peer.read_request();
      if (request.empty()) co_return;
      inner = request;
      co_await peer.send(ok("through the tunnel"));
    }
  });
  HttpClient client({.ca_file = certificate.file()}, through(proxy, "me:secret@"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(await(context, client.send({.url = parse_url("https://far.example/x")})).body, "through the tunnel");
  }
  EXPECT_EQ(proxy.connections(), 1);
  EXPECT_EQ(
      connect,
      "CONNECT far.example:443 HTTP/1.1\r\nHost: far.example:443\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n");
  EXPECT_TRUE(inner.starts_with("GET /x HTTP/1.1\r\nHost: far.example\r\n")) << inner;
  EXPECT_EQ(inner.find("Proxy-"), inner.npos) << inner;
}

TEST_F(ProxyTest, ThatRefusesIsNamedWithItsAnswer) {
  Impostor proxy(context, always("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"));
  HttpClient client({}, through(proxy));
  const auto error = failure(client, {.url = parse_url("https://far.example/x")});
  EXPECT_EQ(failed_stage(error), Stage::connect);
  EXPECT_NE(error.message.find("407"), error.message.npos) << error.message;
}

TEST_F(ProxyTest, IsNotAskedForListedHosts) {
  Impostor proxy(context, always(ok("proxy")));
  Impostor server(context, always(ok("direct")));
  auto rules = through(proxy);
  rules.direct = {"127.0.0.0/8"};
  HttpClient client({}, rules);
  EXPECT_EQ(await(context, client.send({.url = parse_url(server.url())})).body, "direct");
}

}  // namespace
}  // namespace net
