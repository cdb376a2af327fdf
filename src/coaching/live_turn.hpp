#pragma once
// Turns at work in this process: where the model's text goes, and from where any number of listeners read it.
#include <atomic>
#include <boost/asio/cancellation_signal.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/async.hpp"
#include "base/bell.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"
#include "coaching/records.hpp"

namespace coaching {

class LiveTurn : public std::enable_shared_from_this<LiveTurn> {
 public:
  LiveTurn(std::string conversation, OpenTurn open, boost::asio::any_io_executor executor)
      : conversation_id(std::move(conversation)), turn(std::move(open)), executor_(std::move(executor)) {}
  // One that is over already: the answer to a repeat.
  LiveTurn(std::string conversation, OpenTurn open, std::shared_ptr<const Message> answer)
      : conversation_id(std::move(conversation)), turn(std::move(open)), reply_(std::move(answer)), finished_(true) {}

  const std::string conversation_id;
  const OpenTurn turn;

  // Writers: the coroutine that runs the turn.
  void append(std::string_view text);
  void finish(std::shared_ptr<const Message> reply);
  void fail(base::Error error);

  // What is there beyond the first `seen` bytes. Throws the turn's error once all text was read.
  struct News {
    std::string text;
    std::shared_ptr<const Message> reply;  // set when the turn is over
  };
  News news_since(std::size_t seen) const;  // any thread

  bool quiet_since(std::size_t seen) const;  // no news: any thread

  // Waits until there is news beyond `seen` or the time-out; call from any io_context thread.
  base::Task<> wait_for_news(std::size_t seen, base::Milliseconds timeout);
  // Waits to the end; throws the turn's error.
  base::Task<std::shared_ptr<const Message>> wait_for_reply();

  bool finished() const;
  // Ends the model's call; the turn then fails with `why`. Any thread; the first call counts.
  void interrupt(base::Error why);
  std::optional<base::Error> interrupted() const;

  // Listeners are counted, so that a turn nobody listens to can be given up after a while.
  void listen(int change, base::Time now);
  std::optional<base::Time> unheard_since() const;  // nullopt while somebody listens

  boost::asio::cancellation_signal& cancellation() { return cancellation_; }
  const boost::asio::any_io_executor& executor() const { return executor_; }

  // Only on executor(): the version of the conversation's record that this turn wrote last (its fence), and whether a
  // renewal of the lease is on its way, which a commit has to wait for.
  std::int64_t version = 0;
  base::Time leased_at{};
  bool renewing = false;
  bool committing = false;
  base::Bell renewal_done;

 private:
  bool has_news(std::size_t seen) const { return finished_ || text_.size() > seen; }

  mutable std::mutex mutex_;
  std::string text_;
  std::shared_ptr<const Message> reply_;
  std::optional<base::Error> error_;
  std::optional<base::Error> interrupted_;
  bool finished_ = false;
  int listeners_ = 0;
  std::optional<base::Time> unheard_since_;
  base::Bell bell_;
  boost::asio::cancellation_signal cancellation_;
  boost::asio::any_io_executor executor_;
};
using LiveTurnPtr = std::shared_ptr<LiveTurn>;

// Keeps a turn counted as listened to.
class Listening {
 public:
  Listening(LiveTurnPtr turn, const base::Clock& clock) : turn_(std::move(turn)), clock_(clock) {
    turn_->listen(+1, clock_.now());
  }
  ~Listening() { turn_->listen(-1, clock_.now()); }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

 private:
  LiveTurnPtr turn_;
  const base::Clock& clock_;
};

// The unfinished turns of this process, by turn id. Any thread.
class LiveTurns {
 public:
  explicit LiveTurns(std::size_t capacity) : capacity_(capacity) {}

  // Throws Error{dependency_unavailable} with retry_after when `capacity` turns are at work.
  void check_room() const;
  void add(const LiveTurnPtr& turn);
  LiveTurnPtr find(const std::string& turn_id) const;  // nullptr when it is not at work here
  void remove(const std::string& turn_id);
  std::vector<LiveTurnPtr> all() const;
  std::size_t size() const;
  // For a drain: until none is left or the time-out.
  base::Task<> wait_until_empty(base::Milliseconds timeout);

 private:
  std::size_t capacity_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, LiveTurnPtr> turns_;
  base::Bell emptied_;
};

}  // namespace coaching
