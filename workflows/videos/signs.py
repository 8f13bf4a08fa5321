"""What the evidence says about the videos: whether any are made, and who keeps them from being made."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.diagnosis.looks as looks
    from activities.app.open_executions import StuckExecution
    from models.service.videos import Videos
    from workflows.diagnosis.provider_failures import ProviderFailure, heard_of, only_texts, provider_failures
    from workflows.diagnosis.situation import Situation


def is_generating(now: Situation) -> bool:
    """Videos are being made right now."""
    return now[looks.last_video].running or now[looks.video_queue].moving


def paused_on_purpose(now: Situation) -> str:
    """Who stopped the generation, and why; empty when nobody did."""
    if now[looks.video_queue].paused:
        return now[looks.video_queue].reason
    paused = (one for one in now[looks.schedules].schedules if one.paused and one.on_purpose)
    return next((one.says for one in paused), "")


def providers_down(now: Situation) -> tuple[ProviderFailure, ...]:
    """Those that make videos, and who says that they do not serve the application."""
    makes_videos = now.service.videos.providers if now.service.videos else ()
    failures = provider_failures(now, now[looks.last_video].at)
    return tuple(one for one in failures if not makes_videos or one.name in makes_videos)


def provider_down(now: Situation) -> bool:
    """Not only we say so."""
    return heard_of(providers_down(now))


def only_its_words(now: Situation) -> bool:
    """Its log or its health check says it, and nothing that is measured does."""
    return only_texts(providers_down(now))


def provider_not_reached(now: Situation) -> bool:
    return bool(providers_down(now)) and not provider_down(now)


def stuck_generation(now: Situation) -> StuckExecution | None:
    """A workflow that makes videos is open, and gets no further."""
    videos = now.service.videos or Videos()
    return next((one for one in now[looks.open_executions].stuck if videos.made_by(one.type)), None)
