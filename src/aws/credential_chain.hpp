#pragma once
// The credentials in force: found where Amazon's own tools would find them, kept, and renewed before they expire.
//
// Looked for in this order (that of botocore); the first place that has some is kept to:
//   1. variables: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN; skipped when a profile is set here
//   2. a role of the profile: role_arn with source_profile or credential_source (STS AssumeRole)
//   3. a web identity: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, or the profile's (STS, unsigned)
//   4. a sign-in by `aws sso login`
//   5. keys in ~/.aws/credentials
//   6. the profile's credential_process: run without a shell, see aws/command.hpp
//   7. keys in ~/.aws/config
//   8. the container's endpoint: ECS, EKS Pod Identity, Greengrass
//   9. the EC2 instance's metadata service, version 2
// A place that is set up and fails ends the search: going on could make us somebody else.
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "aws/credentials.hpp"
#include "aws/surroundings.hpp"
#include "base/async.hpp"
#include "net/http_client.hpp"

namespace aws {

// Any thread. What has begun goes on in the background when who asked is cancelled, so many wait for one look-up.
class CredentialChain {
 public:
  // `profile`: "" for AWS_PROFILE or "default". `http` and `clock` outlive the chain and the io_contexts it is used on.
  CredentialChain(Surroundings surroundings, std::string profile, net::HttpClient& http, const base::Clock& clock);
  ~CredentialChain();

  // Credentials that are good now. From 15 minutes before they expire they are renewed beside the calls, from 10
  // minutes on calls wait for it; while renewing fails, the old ones serve until they expire. Throws
  // Error{validation_error} naming every place that was looked at and why it gave nothing, never a secret;
  // Error{dependency_unavailable} when a place did not answer. A failure is remembered for a second.
  base::Task<std::shared_ptr<const Credentials>> get();

  // A service called these expired or unknown: the next get() looks again.
  void drop(const Credentials& refused);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// One chain for all that look in the same places: each look-up may cost a call or a process. Any thread.
class CredentialChains {
 public:
  CredentialChains(net::HttpClient& http, const base::Clock& clock) : http_(http), clock_(clock) {}  // as of the chain

  std::shared_ptr<CredentialChain> get(const Surroundings& surroundings, const std::string& profile);

 private:
  struct Shared {
    Surroundings surroundings;
    std::string profile;
    std::shared_ptr<CredentialChain> chain;
  };
  net::HttpClient& http_;
  const base::Clock& clock_;
  std::mutex mutex_;
  std::vector<Shared> shared_;
};

}  // namespace aws
