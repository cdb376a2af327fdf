#include "net/tls.hpp"

#include <fmt/format.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cstdlib>

#include "net/failure.hpp"

namespace net {
namespace {

namespace ssl = boost::asio::ssl;

// OpenSSL's own default is a folder of the distribution it was compiled for; the binary is statically linked and runs
// on others too, which keep one file at these places.
constexpr const char* kBundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Alpine
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // RHEL, Amazon Linux
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",  // SUSE
    "/etc/ssl/cert.pem",
};

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

void trust_system(ssl::context& context) {
  context.set_default_verify_paths();  // honours SSL_CERT_FILE and SSL_CERT_DIR; a folder is read as it is needed
  if (is_set(X509_get_default_cert_file_env()) || is_set(X509_get_default_cert_dir_env())) return;
  if (access(X509_get_default_cert_dir(), R_OK) == 0 || access(X509_get_default_cert_file(), R_OK) == 0) return;
  for (const char* bundle : kBundles) {
    boost::system::error_code failed;
    context.load_verify_file(bundle, failed);
    if (!failed) return;
  }
}

std::unique_ptr<ssl::context> make_context(const std::string& ca_file) {
  auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);  // idle connections hold no buffers
  context->set_verify_mode(ssl::verify_peer);
  trust_system(*context);
  if (ca_file.empty()) return context;
  boost::system::error_code failed;
  context->load_verify_file(ca_file, failed);
  if (failed) {
    throw failure(Stage::tls, false,
                  fmt::format("cannot read certificates (PEM) from \"{}\": {}", ca_file, failed.message()));
  }
  return context;
}

}  // namespace

ssl::context& TlsTrust::context() const {
  const std::lock_guard lock(mutex_);
  if (!context_) context_ = make_context(ca_file_);
  return *context_;
}

}  // namespace net
