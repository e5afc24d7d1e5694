"""Sequential Monte Carlo: answers that follow the model given the constraint.

Masking token by token can lead into likely beginnings with unlikely ends. A population of
weighted particles mends that, and estimates how likely a valid text was at all.
"""

import sys

import structgen as sg


def main(model: str) -> None:
    answer = sg.regex(r"The (cat|dog|bird) (sat|ran|flew) (home|away)\.")
    story = "Once upon a time. "
    result = sg.generate(
        model, story, output=answer, sampler="smc", particles=8, max_tokens=40, seed=4
    )
    particles = result.particles
    assert particles is not None
    print("chosen:", result.value)
    for ledger, weight in zip(particles.ledgers, particles.weights(), strict=True):
        print(f"{weight:6.3f}  {ledger.text}")
    print(f"log P(valid) is about {particles.log_evidence:.1f}; ESS {particles.ess:.1f} of 8")


if __name__ == "__main__":
    main("toy" if "--toy" in sys.argv else "default")
