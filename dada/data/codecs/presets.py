"""Codecs of the challenges, as far as they can be made here.

ASVspoof 2021 (Yamagishi et al., 2021): telephony in the logical-access task, media files in the deepfake
task. The real telephone line of C3 is left out, and mu-law stands for it;
Vorbis ends at about 155 kbit/s of the 256 to 320 of C7. ASVspoof 5 (Wang et al., 2024):
AMR-WB, Speex and EnCodec are left out, for want of an encoder; SBC stands for Bluetooth.
"""

PRESETS = {
    "asvspoof2021_la": ("none", "alaw", "ulaw", "g722", "gsm", "opus:12-20"),
    "asvspoof2021_df": (
        "none",
        "mp3:80-120",
        "mp3@44100:220-260",
        "aac:20-32",
        "aac:96-112",
        "vorbis@44100:80-96",
        "vorbis@44100:155",
        "mp3:80-120+aac:96-112",
        "vorbis@44100:80-96+aac:96-112",
    ),
    "asvspoof5": (
        "none",
        "opus:6-30",
        "mp3:45-160",
        "aac:16-128",
        "opus@8000:6-20",
        "amr_nb:4.75-12.2",
        "sbc:32-200",
    ),
    # Anything that a file meets between its source and a user.
    "wide": (
        "none",
        "pcm@8000",
        "alaw",
        "ulaw",
        "gsm",
        "g726:24-40",
        "amr_nb:4.75-12.2",
        "g722",
        "opus:6-64",
        "opus@8000:6-24",
        "mp3:16-160",
        "aac:16-96",
        "vorbis:25-72",
        "sbc:32-200",
        "amr_nb:4.75-12.2+mp3:32-128",
        "opus:12-32+aac:32-96",
    ),
}
