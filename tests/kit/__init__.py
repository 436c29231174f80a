"""What tests start and drive the runner with: projects, processes, databases to play on."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]  # the checkout
