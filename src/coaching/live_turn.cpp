#include "coaching/live_turn.hpp"

#include <boost/asio/this_coro.hpp>

namespace coaching {

void LiveTurn::append(std::string_view text) {
  {
    const std::scoped_lock lock(mutex_);
    text_ += text;
  }
  bell_.ring();
}

void LiveTurn::finish(std::shared_ptr<const Message> reply) {
  {
    const std::scoped_lock lock(mutex_);
    reply_ = std::move(reply);
    finished_ = true;
  }
  bell_.ring();
}

void LiveTurn::fail(base::Error error) {
  {
    const std::scoped_lock lock(mutex_);
    error_ = std::move(error);
    finished_ = true;
  }
  bell_.ring();
}

LiveTurn::News LiveTurn::news_since(std::size_t seen) const {
  const std::scoped_lock lock(mutex_);
  News news;
  // The committed reply is the authority: it holds all of the text, also when the model sent it in one piece.
  const std::string& text = reply_ ? reply_->content.reveal() : text_;
  // A position from outside may point into the middle of a character.
  while (seen < text.size() && (static_cast<unsigned char>(text[seen]) & 0xC0) == 0x80) ++seen;
  if (text.size() > seen) news.text = text.substr(seen);
  if (news.text.empty() && error_) throw *error_;
  news.reply = reply_;
  return news;
}

base::Task<> LiveTurn::wait_for_news(std::size_t seen, base::Milliseconds timeout) {
  auto ticket = bell_.draw(co_await boost::asio::this_coro::executor);
  {
    const std::scoped_lock lock(mutex_);
    if (has_news(seen)) co_return;
  }
  co_await ticket.wait(timeout);
}

base::Task<std::shared_ptr<const Message>> LiveTurn::wait_for_reply() {
  const auto executor = co_await boost::asio::this_coro::executor;
  for (;;) {
    auto ticket = bell_.draw(executor);
    {
      const std::scoped_lock lock(mutex_);
      if (error_) throw *error_;
      if (finished_) co_return reply_;
    }
    co_await ticket.wait(base::Milliseconds(3'600'000));
  }
}

bool LiveTurn::quiet_since(std::size_t seen) const {
  const std::scoped_lock lock(mutex_);
  return !has_news(seen);
}

bool LiveTurn::finished() const {
  const std::scoped_lock lock(mutex_);
  return finished_;
}

void LiveTurn::listen(int change, base::Time now) {
  const std::scoped_lock lock(mutex_);
  listeners_ += change;
  if (listeners_ > 0) {
    unheard_since_.reset();
  } else {
    unheard_since_ = now;
  }
}

std::optional<base::Time> LiveTurn::unheard_since() const {
  const std::scoped_lock lock(mutex_);
  return unheard_since_;
}

void LiveTurns::check_room() const {
  if (size() < capacity_) return;
  base::Error error(base::Code::dependency_unavailable, "too many conversations are being answered; try again shortly");
  error.retry_after = base::Milliseconds(1000);
  throw error;
}

}  // namespace coaching
