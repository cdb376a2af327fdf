#include "aws/credential_chain.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <mutex>
#include <optional>

#include "aws/credential_sources.hpp"
#include "aws/region.hpp"
#include "base/bell.hpp"

namespace aws {
namespace {

namespace asio = boost::asio;
using base::Error;
using base::Task;
using std::chrono::steady_clock;
using namespace std::chrono_literals;
using Shared = std::shared_ptr<const Credentials>;

constexpr auto kAdvisory = 15min;
constexpr auto kMandatory = 10min;
constexpr auto kFailureKept = 1s;
constexpr auto kRenewEvery = 30s;  // while they are good, at most
constexpr base::Milliseconds kLongestLookUp{30'000};

struct Place {
  std::string_view name;
  Task<Finding> (*look)(const Search&);
};

constexpr Place kPlaces[] = {{"environment", from_environment},
                             {"role", from_role},
                             {"web identity", from_web_identity},
                             {"SSO", from_sso},
                             {"shared credentials file", from_shared_file},
                             {"credential_process", from_process},
                             {"config file", from_config_file},
                             {"container", from_container},
                             {"instance metadata", from_instance}};

void need_profile(const Search& search, bool named) {
  if (!named || search.find_profile() != nullptr) return;
  throw Error(base::Code::validation_error, fmt::format("the AWS profile {} is neither in {} nor in {}", search.profile,
                                                        search.profiles.shared_path, search.profiles.config_path));
}

Error with_trail(Error error, std::string_view place, const std::string& trail) {
  error.message =
      fmt::format("no AWS credentials: {}: {}{}{}", place, error.message, trail.empty() ? "" : "; before: ", trail);
  return error;
}

Task<Credentials> look_everywhere(const Search& search, bool profile_set) {
  std::string trail;
  for (const auto& place : kPlaces) {
    if (profile_set && place.look == from_environment) continue;
    Finding found;
    std::optional<Error> failed;
    try {
      if (place.look == from_role) need_profile(search, search.profile != "default");
      found = co_await place.look(search);
    } catch (const Error& error) {
      failed = with_trail(error, place.name, trail);
    }
    if (failed) throw *failed;
    if (found.credentials) co_return *found.credentials;
    trail += fmt::format("{}{}: {}", trail.empty() ? "" : "; ", place.name, found.why_not);
  }
  throw Error(base::Code::validation_error, fmt::format("no AWS credentials: {}", trail));
}

}  // namespace

struct CredentialChain::State {
  State(Surroundings around, std::string profile_named, net::HttpClient& client, const base::Clock& time)
      : surroundings(std::move(around)), profile(std::move(profile_named)), http(client), clock(time) {}

  const Surroundings surroundings;
  const std::string profile;
  net::HttpClient& http;
  net::HttpClient direct{{}, net::ProxyRules{}};
  const base::Clock& clock;

  base::Bell done;   // a look-up has ended
  std::mutex mutex;  // guards all below
  Shared current;
  bool looking = false;
  std::optional<base::Time> looked_at;  // when the last look-up ended
  std::optional<Error> failure;   // of the last look-up

  bool lasts(base::Milliseconds time) const {  // under the mutex
    return current && (!current->expires_at || *current->expires_at - clock.now() > time);
  }
  Shared good_for(base::Milliseconds time) {
    const std::lock_guard lock(mutex);
    return lasts(time) ? current : nullptr;
  }
  bool is_looking() {
    const std::lock_guard lock(mutex);
    return looking;
  }
  // True for one caller, who then has to look.
  bool may_look() {
    const std::lock_guard lock(mutex);
    const auto pause = lasts(0ms) ? base::Milliseconds(kRenewEvery) : failure ? base::Milliseconds(kFailureKept) : 0ms;
    if (looking || (looked_at && clock.now() - *looked_at < pause)) return false;
    looking = true;
    return true;
  }
  std::optional<Error> last_failure() {  // of a look-up that has ended
    const std::lock_guard lock(mutex);
    return looking ? std::nullopt : failure;
  }
  // Also when the look-up was given up in the middle, with its io_context.
  void end_look(Shared found, std::optional<Error> failed) {
    {
      const std::lock_guard lock(mutex);
      looking = false;
      looked_at = clock.now();
      failure = std::move(failed);
      if (found) current = std::move(found);
    }
    done.ring();
  }

  Task<Credentials> look();
  static Task<> look_and_tell(std::shared_ptr<State> self);
};

Task<Credentials> CredentialChain::State::look() {
  const auto profiles = read_profiles(surroundings);
  const Search search{.surroundings = surroundings,
                      .profiles = profiles,
                      .profile = profile_name(surroundings, profile),
                      .http = http,
                      .direct = direct,
                      .clock = clock};
  auto found = co_await look_everywhere(search, !profile.empty());
  if (found.expires_at && *found.expires_at <= clock.now()) {
    throw Error(base::Code::dependency_unavailable,
                fmt::format("no AWS credentials: {} gave some that have expired", found.source));
  }
  co_return found;
}

Task<> CredentialChain::State::look_and_tell(std::shared_ptr<State> self) {
  struct Ending {
    std::shared_ptr<State> state;
    Shared found;
    std::optional<Error> failed =
        Error(base::Code::dependency_unavailable, "no AWS credentials: nobody looked to the end");
    ~Ending() { state->end_look(found, failed); }
  } ending{.state = self};
  try {
    ending.found = std::make_shared<const Credentials>(co_await self->look());
    ending.failed.reset();
  } catch (const Error& error) {
    ending.failed = error;
  } catch (const std::exception&) {  // `failed` says enough
  }
}

CredentialChain::CredentialChain(Surroundings surroundings, std::string profile, net::HttpClient& http,
                                 const base::Clock& clock)
    : state_(std::make_shared<State>(std::move(surroundings), std::move(profile), http, clock)) {}

CredentialChain::~CredentialChain() = default;

Task<Shared> CredentialChain::get() {
  const auto state = state_;
  if (auto fresh = state->good_for(kAdvisory)) co_return fresh;
  const auto executor = co_await asio::this_coro::executor;
  // More than once round only when what was found has been dropped meanwhile.
  for (const auto by = steady_clock::now() + kLongestLookUp; steady_clock::now() < by;) {
    if (state->may_look()) asio::co_spawn(executor, State::look_and_tell(state), asio::detached);
    if (auto old = state->good_for(kMandatory)) co_return old;
    auto ticket = state->done.draw(executor);
    if (state->is_looking()) co_await ticket.wait(kLongestLookUp);
    if (auto found = state->good_for(0ms)) co_return found;
    if (const auto failure = state->last_failure()) throw *failure;
  }
  throw Error(base::Code::dependency_unavailable, "no AWS credentials: looking for them takes too long");
}

void CredentialChain::drop(const Credentials& refused) {
  const std::lock_guard lock(state_->mutex);
  if (state_->current && *state_->current == refused) state_->current = nullptr;
}

std::shared_ptr<CredentialChain> CredentialChains::get(const Surroundings& surroundings, const std::string& profile) {
  const std::lock_guard lock(mutex_);
  for (const auto& known : shared_) {
    if (known.profile == profile && known.surroundings == surroundings) return known.chain;
  }
  auto chain = std::make_shared<CredentialChain>(surroundings, profile, http_, clock_);
  return shared_.emplace_back(surroundings, profile, std::move(chain)).chain;
}

}  // namespace aws
