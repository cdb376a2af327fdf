#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <memory>

#include "base/config.hpp"
#include "cli/administration.hpp"
#include "cli/commands.hpp"
#include "cli/service.hpp"

namespace cli {
namespace {

// Signals are taken by sigwait() on the main thread alone, so every thread made later has them blocked.
sigset_t block_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  return ending;
}

// A connection is a file, and the usual soft limit (1,024) is far below http.max_connections. It is that low for the
// sake of select(), which nothing here uses; the hard limit is the operator's.
void raise_file_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

int wait_for(const sigset_t& signals) {
  int signal = 0;
  sigwait(&signals, &signal);
  return signal;
}

std::string url_of(const Settings& settings, const Service& service) {
  const auto scheme = settings.http.tls_certificate.empty() ? "http" : "https";
  return fmt::format("{}://{}:{}", scheme, settings.http.host, service.port());
}

// For people, on standard error: standard output belongs to the log.
void print_welcome(const Settings& settings, const Service& service) {
  const auto url = url_of(settings, service);
  fmt::print(stderr, "PurposePath {} is listening on {}\n", PURPOSEPATH_VERSION, url);
  fmt::print(stderr, "  API and examples  {}/docs\n", url);
  fmt::print(stderr, "  Health            {}/api/v1/health/ready\n", url);
  if (service.provider().name() == "offline") {
    fmt::print(stderr,
               "  Coach             rule-based, works offline; for a language model set llm.provider (see README)\n");
  } else {
    fmt::print(stderr, "  Coach             {} ({})\n", service.provider().default_model(), service.provider().name());
  }
  if (settings.stage == Stage::development) {
    const auto data = settings.data == "./data" ? std::string() : fmt::format(" --data {}", settings.data);
    fmt::print(stderr, "  A token           purposepath token --user you --tenant yours{}\n", data);
    fmt::print(stderr, "  A conversation    purposepath chat{}{}\n", data,
               service.port() == 8000 ? std::string() : fmt::format(" --url {}", url));
  }
  std::fflush(stderr);
}

// What no check of single keys can tell shows when the parts are made: a topic, a certificate, the model's options.
std::unique_ptr<Service> make_service(const Settings& settings) {
  try {
    return std::make_unique<Service>(settings);
  } catch (const base::ConfigError&) {
    throw;
  } catch (const base::Error& error) {
    if (error.code != base::Code::validation_error) throw;
    throw base::ConfigError(error.code, error.message, error.details);
  }
}

}  // namespace

int serve(const Settings& settings) {
  const auto signals = block_signals();
  raise_file_limit();
  const auto made = make_service(settings);
  auto& service = *made;
  service.start();
  service.log().write(telemetry::Level::info, "listening",
                      {{"host", settings.http.host},
                       {"port", service.port()},
                       {"version", PURPOSEPATH_VERSION},
                       {"stage", base::name_of(settings.stage)},
                       {"provider", service.provider().name()}});
  write_address(settings, url_of(settings, service));
  print_welcome(settings, service);
  wait_for(signals);
  service.log().write(telemetry::Level::info, "draining", {});
  fmt::print(stderr, "Finishing what is open (again to stop at once) ...\n");
  // A second signal ends the process; what is stored stays, and the next start goes on from there.
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  service.drain();
  service.log().write(telemetry::Level::info, "stopped", {});
  return kOk;
}

}  // namespace cli
