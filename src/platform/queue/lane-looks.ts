/**
 * A lane's looks for work, one at a time. Nudges that come before a look has begun are one look; one
 * that comes while a look is under way is another, since that look may already have passed the work.
 */
export class LaneLooks {
  private last: Promise<void> = Promise.resolve();
  private isDue = false;

  /** `look` that fails is told to `onFailure`; the next nudge looks again. */
  constructor(
    private readonly look: () => Promise<void>,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  nudge(): void {
    if (this.isDue) return;
    this.isDue = true;
    this.last = this.last
      .then(() => {
        this.isDue = false;
        return this.look();
      })
      .catch(this.onFailure);
  }

  /** Resolves when every look that was asked for so far is over. Never rejects. */
  get done(): Promise<void> {
    return this.last;
  }
}
