"""The synthesizers by name: texts are spoken, recordings of the figure are resynthesized."""

from .neural import Hibari, Kokoro, Piper
from .speakers import Espeak, Festival, Flite
from .vocoders import Codec2, GriffinLim, World

ENGINES = {
    engine.name: engine
    for engine in (Espeak, Flite, Piper, World, GriffinLim, Hibari, Kokoro, Festival, Codec2)
}
