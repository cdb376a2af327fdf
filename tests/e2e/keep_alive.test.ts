// In a file of its own, because it takes the fifteen seconds of the contract; other files run beside it.
import { expect, test } from 'vitest';
import { FakeModel, Gate } from './fake_model.ts';
import { Server } from './harness.ts';
import { withBetweenTokensTimeout, withModel } from './settings.ts';

test('a stream is kept open by a comment every 15 seconds while the model is silent', { timeout: 60_000 }, async () => {
  const model = await FakeModel.start();
  const server = await Server.start({ settings: { ...withModel(model.url), ...withBetweenTokensTimeout(50_000) } });
  try {
    const gate = new Gate();
    model.on('long thought', { chunks: ['There. ', 'And you?'], before: (chunk) => (chunk === 1 ? gate.opened : undefined) });
    const user = await server.client();
    const stream = await user.stream(await user.initiate(), 'A long thought, please.');
    expect((await stream.next()).event).toBe('accepted');
    await stream.untilReply('There. ');
    const silent = performance.now();
    expect((await stream.nextComment()).trim()).toBe('keep-alive');
    const seconds = (performance.now() - silent) / 1_000;
    expect(seconds).toBeGreaterThan(10);
    expect(seconds).toBeLessThan(17);
    gate.open();
    expect((await stream.all()).at(-1)).toMatchObject({ event: 'message', data: { ai_response: 'There. And you?' } });
  } finally {
    await server.stop();
    await model.stop();
  }
});
