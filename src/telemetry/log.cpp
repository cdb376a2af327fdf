#include "telemetry/log.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

namespace telemetry {
namespace {

constexpr std::size_t kMaxQueuedBytes = 8u << 20;
constexpr std::size_t kEarlyBytes = 256u << 10;  // the writer does not linger any longer with so much at hand
constexpr std::chrono::milliseconds kLinger{
    5};  // between two batches, so that a busy service makes one write() of many lines
constexpr std::chrono::seconds kLongestWait{5};  // for a reader of the log that is stuck

using Buffer = fmt::basic_memory_buffer<char, 1024>;

void append(Buffer& out, std::string_view text) { out.append(text.data(), text.data() + text.size()); }

bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

void append_escape(Buffer& out, char c) {
  switch (c) {
    case '"': append(out, "\\\""); break;
    case '\\': append(out, "\\\\"); break;
    case '\n': append(out, "\\n"); break;
    case '\r': append(out, "\\r"); break;
    case '\t': append(out, "\\t"); break;
    default: fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c)); break;
  }
}

// A JSON string from any bytes; what is not UTF-8 becomes U+FFFD.
void append_string(Buffer& out, std::string_view text) {
  out.push_back('"');
  while (!text.empty()) {
    const auto plain = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_plain) - text.begin());
    append(out, text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    if (static_cast<unsigned char>(text.front()) < 0x80) {
      append_escape(out, text.front());
      text.remove_prefix(1);
    } else {
      const auto length = base::utf8_sequence_length(text);
      append(out, length == 0 ? "\uFFFD" : text.substr(0, length));
      text.remove_prefix(std::max<std::size_t>(length, 1));
    }
  }
  out.push_back('"');
}

void append_value(Buffer& out, std::string_view text) { append_string(out, text); }
void append_value(Buffer&, std::monostate) {}
void append_value(Buffer& out, bool flag) { append(out, flag ? "true" : "false"); }
void append_value(Buffer& out, std::int64_t number) {
  const fmt::format_int digits(number);
  append(out, std::string_view(digits.data(), digits.size()));
}
void append_value(Buffer& out, double number) {
  if (!std::isfinite(number)) return append(out, "null");
  fmt::format_to(std::back_inserter(out), "{}", number);
}

// Most lines of a thread fall into the same second, so only the milliseconds are formatted anew.
void append_time(Buffer& out, base::Time time) {
  thread_local std::int64_t cached_second = -1;
  thread_local std::string cached_text;
  const auto ms = time.time_since_epoch().count();
  if (ms / 1000 != cached_second || ms < 0) {
    cached_second = ms / 1000;
    cached_text = base::format_time(time);
  }
  const auto fraction = static_cast<unsigned>(ms % 1000);
  append(out, std::string_view(cached_text).substr(0, 20));
  for (const unsigned digit : {fraction / 100, fraction / 10 % 10, fraction % 10}) {
    out.push_back(static_cast<char>('0' + digit));
  }
  out.push_back('Z');
}

void append_line(Buffer& out, base::Time time, Level level, std::string_view event,
                 std::initializer_list<Field> fields) {
  append(out, R"({"time":")");
  append_time(out, time);
  append(out, R"(","level":")");
  constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warn", "error"};
  append(out, kLevels[static_cast<std::size_t>(level)]);
  append(out, R"(","event":)");
  append_string(out, event);
  for (const auto& field : fields) {
    if (std::holds_alternative<std::monostate>(field.value)) continue;
    out.push_back(',');
    append_string(out, field.key);
    out.push_back(':');
    std::visit([&](auto value) { append_value(out, value); }, field.value);
  }
  append(out, "}\n");
}

// False when the descriptor takes nothing more (a closed pipe, a full disk).
bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // somebody made our stdout non-blocking
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

// Shared with the writer thread, which outlives the Log when its reader is stuck for good.
struct Log::State {
  std::mutex mutex;
  std::condition_variable more;     // to the writer
  std::condition_variable written;  // to those who flush
  std::string pending;
  std::uint64_t queued_bytes = 0;   // ever
  std::uint64_t written_bytes = 0;  // ever, or given up
  std::uint64_t dropped = 0;
  bool idle = false;  // the writer sleeps without a time limit and must be woken
  bool hurry = false;
  bool stop = false;
  bool ended = false;

  void run(int descriptor);
};

void Log::State::run(int descriptor) {
  std::string batch;
  std::unique_lock lock(mutex);
  while (true) {
    idle = pending.empty();
    more.wait(lock, [&] { return stop || !pending.empty(); });
    idle = false;
    if (pending.empty()) break;
    batch.clear();
    std::swap(batch, pending);
    hurry = false;
    lock.unlock();
    const bool out = write_all(descriptor, batch);
    lock.lock();
    if (!out) dropped += static_cast<std::uint64_t>(std::count(batch.begin(), batch.end(), '\n'));
    written_bytes += batch.size();
    if (batch.capacity() > kEarlyBytes * 2) batch = {};
    written.notify_all();
    more.wait_for(lock, kLinger, [&] { return stop || hurry || pending.size() >= kEarlyBytes; });
  }
  ended = true;
  written.notify_all();
}

Log::Log(int descriptor, Level level, const base::Clock& clock)
    : level_(level), clock_(clock), state_(std::make_shared<State>()) {
  // Signals are for other threads, and a closed pipe must be an error of write(), not the end of the process.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([state = state_, descriptor] { state->run(descriptor); }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Log::~Log() {
  std::unique_lock lock(state_->mutex);
  state_->stop = true;
  state_->more.notify_one();
  state_->written.wait_for(lock, kLongestWait, [&] { return state_->ended; });
}

void Log::write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  thread_local Buffer line;
  line.clear();
  append_line(line, clock_.now(), level, event, fields);
  bool wake = false;
  {
    const std::scoped_lock lock(state_->mutex);
    if (state_->pending.size() + line.size() > kMaxQueuedBytes) {
      ++state_->dropped;
      return;
    }
    state_->pending.append(line.data(), line.size());
    state_->queued_bytes += line.size();
    const auto size = state_->pending.size();
    wake = state_->idle || (size >= kEarlyBytes && size - line.size() < kEarlyBytes);
    state_->idle = false;
  }
  if (wake) state_->more.notify_one();
}

void Log::flush() {
  std::unique_lock lock(state_->mutex);
  const auto target = state_->queued_bytes;
  state_->hurry = true;
  state_->more.notify_one();
  state_->written.wait_for(lock, kLongestWait, [&] { return state_->written_bytes >= target; });
}

std::uint64_t Log::dropped() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->dropped;
}

}  // namespace telemetry
