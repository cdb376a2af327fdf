#include "aws/command.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstring>
#include <optional>

#include "base/error.hpp"

namespace aws {
namespace {

namespace asio = boost::asio;
using base::Code;
using base::Error;
using base::Task;
using std::chrono::steady_clock;

constexpr std::size_t kMostBytes = 64 * 1024;
constexpr base::Milliseconds kLook{5};  // how often a program is looked at that has closed its output

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// A child process in a group of its own, which is killed and waited for at the latest when this goes.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  ~Child() {
    if (pid_ == 0) return;
    kill(-pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
  }

  // Its status when it has ended.
  std::optional<int> ended() {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != pid_) {
      return std::nullopt;
    }
    kill(-pid_, SIGKILL);  // what it may have left behind, while its number is still ours
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }

 private:
  pid_t pid_;
};

Child start(std::vector<std::string> words, const std::map<std::string, std::string, std::less<>>& variables,
            int output) {
  std::vector<std::string> entries;
  for (const auto& [name, value] : variables) entries.push_back(fmt::format("{}={}", name, value));
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);  // our sockets and databases
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&how, &none);
  sigset_t broken_pipe = none;
  sigaddset(&broken_pipe, SIGPIPE);
  posix_spawnattr_setsigdefault(&how, &broken_pipe);
  posix_spawnattr_setpgroup(&how, 0);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int failed =
      posix_spawnp(&pid, words.front().c_str(), &files, &how, pointers_to(words).data(), pointers_to(entries).data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&how);
  if (failed == 0) return Child(pid);
  throw Error(Code::validation_error,
              fmt::format("credential_process: {} cannot be started: {}", words.front(), std::strerror(failed)));
}

Error too_late(const std::string& program, base::Milliseconds timeout) {
  return {Code::dependency_unavailable,
          fmt::format("credential_process: {} has not ended after {} ms", program, timeout.count())};
}

// Up to the end of the output. Throws boost::system::system_error when reading is cancelled.
Task<std::string> read_all(asio::posix::stream_descriptor& pipe, const std::string& program) {
  std::string out;
  std::array<char, 4096> buffer{};
  for (;;) {
    boost::system::error_code failed;
    const auto size =
        co_await pipe.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, failed));
    out.append(buffer.data(), size);
    if (out.size() > kMostBytes) {
      throw Error(Code::validation_error,
                  fmt::format("credential_process: {} writes more than {} bytes", program, kMostBytes));
    }
    if (failed == asio::error::eof) co_return out;
    if (failed) throw boost::system::system_error(failed);
  }
}

Task<int> wait_for_end(Child& child, steady_clock::time_point by, const Error& late) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    if (const auto status = child.ended()) co_return *status;
    if (steady_clock::now() >= by) throw late;
    timer.expires_after(kLook);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace

std::vector<std::string> split_command(std::string_view line) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  const auto put = [&](char c) {
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c != 0) words.back() += c;
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool more = i + 1 < line.size();
    if (quote != 0 && c == quote) {
      quote = 0;
    } else if (c == '\\' && quote == '"' && more && (line[i + 1] == '"' || line[i + 1] == '\\')) {
      put(line[++i]);
    } else if (c == '\\' && quote == 0 && more) {
      put(line[++i]);
    } else if (quote != 0) {
      put(c);
    } else if (c == '"' || c == '\'') {
      put(0);  // also '' is a word
      quote = c;
    } else if (c == ' ' || c == '\t') {
      in_word = false;
    } else {
      put(c);
    }
  }
  if (quote != 0) throw Error(Code::validation_error, "credential_process has a quote that is not closed");
  if (words.empty()) throw Error(Code::validation_error, "credential_process names no program");
  return words;
}

Task<std::string> run_command(std::vector<std::string> words, std::map<std::string, std::string, std::less<>> variables,
                              base::Milliseconds timeout) {
  const auto executor = co_await asio::this_coro::executor;
  const auto program = words.front();
  const auto by = steady_clock::now() + timeout;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw Error(Code::dependency_unavailable, "no pipe can be made");
  const auto ours = std::make_shared<asio::posix::stream_descriptor>(executor, ends[0]);
  asio::posix::stream_descriptor theirs(executor, ends[1]);
  auto child = start(std::move(words), variables, ends[1]);
  theirs.close();  // so that its end is the last one
  asio::steady_timer timer(executor, by);
  timer.async_wait([ours](boost::system::error_code cancelled) {
    if (!cancelled) ours->cancel();
  });
  std::string out;
  bool late = false;
  try {
    out = co_await read_all(*ours, program);
  } catch (const boost::system::system_error&) {
    if (steady_clock::now() < by) throw;
    late = true;
  }
  if (late) throw too_late(program, timeout);
  const int status = co_await wait_for_end(child, by, too_late(program, timeout));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) co_return out;
  throw Error(Code::validation_error,
              WIFEXITED(status)
                  ? fmt::format("credential_process: {} ended with status {}", program, WEXITSTATUS(status))
                  : fmt::format("credential_process: {} was ended by signal {}", program, WTERMSIG(status)));
}

}  // namespace aws
